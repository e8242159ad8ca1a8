// SPDX-License-Identifier: Apache-2.0
// Parity with JDK 25's `jfr view`, byte for byte: every view, and the tables of event types.
import { readFileSync } from 'node:fs';
import { openFileSource } from '@rekindle/bytes/node';
import { describe, expect, test } from 'vitest';
import { openRecording } from '../recording.ts';
import {
  chunk,
  event,
  eventClass,
  field,
  metadata,
  PRIMITIVES,
  primitive,
  text,
  varint,
} from '../testing/assemble.ts';
import { oddRecordings } from '../testing/corpus.ts';
import { newestJdk, runJfr } from '../testing/jdk.ts';
import { chunksForView, formatTypes, formatView, VIEWS, type ViewOptions } from './view.ts';

const jdk = newestJdk(25);
const NO_JDK = 'no JDK 25: its `jfr view` is the oracle';

/** One recording of each JDK will do: settings change how many events there are, not how they show. */
const recordings = oddRecordings().filter(({ name }) => name.includes('profile'));

async function ours(path: string, name: string, options?: ViewOptions): Promise<string> {
  const source = openFileSource(path);
  try {
    const recording = await openRecording(source);
    return await formatView(await chunksForView(recording, name), name, options);
  } finally {
    source.close();
  }
}

test('an event type of a later chunk, by another process, has its table', async () => {
  const said = (name: string, id: number): number[] => [
    ...metadata([
      ...PRIMITIVES,
      eventClass(name, id, [
        field('startTime', primitive('long')),
        field('text', primitive('java.lang.String')),
      ]),
    ]),
    ...event(id, [...varint(1_000_006_000), ...text(`of ${name}`)]),
  ];
  const bytes = Uint8Array.from([
    ...chunk([said('test.First', 100)]),
    ...chunk([said('test.Second', 101)]),
  ]);
  const recording = await openRecording(bytes);
  for (const name of ['test.First', 'Second']) {
    const table = await formatView(await chunksForView(recording, name), name);
    expect(table).toContain(`of test.${name.replace('test.', '')}`);
  }
  await expect(formatView(await chunksForView(recording, 'Third'), 'Third')).rejects.toThrow(
    'Could not find a view or an event type named Third',
  );
});

/** A stack trace without frames stops the JDK's formatter; ours shows what is missing. */
const stops = (stderr: string): boolean => /NoSuchElementException|NullPointer/.test(stderr);

describe('view equals JDK 25', () => {
  for (const { name, path } of recordings) {
    test(`${name}: every view`, { timeout: 300_000 }, async (context) => {
      if (!jdk) return context.skip(NO_JDK);
      const stopped: string[] = [];
      for (const view of VIEWS) {
        const theirs = runJfr(jdk, 'view', view.name, path);
        if (stops(theirs.stderr)) stopped.push(view.name);
        else expect(await ours(path, view.name), view.name).toBe(theirs.stdout);
      }
      expect(stopped.length).toBeLessThan(4);
      for (const view of stopped) expect(await ours(path, view)).not.toBe('');
    });

    const tables: readonly (readonly [args: string[], options: ViewOptions])[] = [
      [['CPULoad'], {}],
      [['jdk.GCHeapSummary'], {}],
      [['--width', '60', 'jdk.ThreadStart'], { width: 60 }],
      [
        ['--cell-height', '3', '--truncate', 'beginning', 'InitialSystemProperty'],
        { cellHeight: 3, truncate: 'beginning' },
      ],
      [['MetaspaceSummary'], {}],
    ];
    test(`${name}: event types as tables`, { timeout: 120_000 }, async (context) => {
      if (!jdk) return context.skip(NO_JDK);
      for (const [args, options] of tables) {
        const theirs = runJfr(jdk, 'view', ...args, path);
        if (stops(theirs.stderr)) continue;
        expect(await ours(path, args.at(-1)!, options), args.join(' ')).toBe(theirs.stdout);
      }
      const recording = await openRecording(readFileSync(path));
      expect(await formatTypes(recording.chunks())).toBe(runJfr(jdk, 'view', 'types', path).stdout);
    });

    test(`${name}: what is neither view nor event type is refused`, async () => {
      await expect(ours(path, 'NoSuchThing')).rejects.toThrow(
        'Could not find a view or an event type named NoSuchThing',
      );
    });
  }

  test('the corpus', (context) => {
    if (recordings.length === 0) return context.skip('no JDK: nobody to make recordings');
    expect(recordings.length).toBeGreaterThan(0);
  });
});
