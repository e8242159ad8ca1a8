// SPDX-License-Identifier: Apache-2.0
// Parity with JDK 25's `jfr`, byte for byte, on recordings that JDK 17 and 25 make of a workload of odd
// values. The deliberate differences are in docs/jfr.md and at the end of this file.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { EventDeclaration } from '../declaration.ts';
import { openRecording } from '../recording.ts';
import { oddRecordings } from '../testing/corpus.ts';
import { newestJdk, runJfr } from '../testing/jdk.ts';
import { memorySink } from '../write/recording-sink.ts';
import { writeRecording } from '../write/recording-writer.ts';
import { categoryFilter, eventTypeFilter } from './event-filter.ts';
import { formatMetadata } from './metadata-text.ts';
import { type PrintOptions, printEvents } from './print-events.ts';
import { formatSummary } from './summary-text.ts';

const jdk = newestJdk(25);
const NO_JDK = 'no JDK 25: its `jfr` is the oracle';

async function print(bytes: Uint8Array, options: PrintOptions): Promise<string> {
  const recording = await openRecording(bytes);
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let text = '';
  await printEvents(recording.chunks(), options, (piece) => {
    text += decoder.decode(piece, { stream: true });
  });
  return text + decoder.decode();
}

/** Where two long texts part, so that a failure shows a line and not a megabyte. */
function expectSame(ours: string, theirs: string): void {
  if (ours === theirs) return;
  const a = ours.split('\n');
  const b = theirs.split('\n');
  const line = b.findIndex((text, index) => text !== a[index]);
  const at = line < 0 ? b.length : line;
  expect({ line: at, ours: a.slice(at, at + 3) }).toEqual({ line: at, ours: b.slice(at, at + 3) });
  expect(a.length).toBe(b.length);
}

const CASES: readonly { readonly args: string[]; readonly options: PrintOptions }[] = [
  {
    args: ['--events', 'jdk.*'],
    options: { format: 'text', filter: eventTypeFilter('jdk.*') },
  },
  { args: ['--json'], options: { format: 'json' } },
  { args: ['--xml'], options: { format: 'xml' } },
  {
    args: ['--stack-depth', '64', '--events', 'jdk.*'],
    options: { format: 'text', stackDepth: 64, filter: eventTypeFilter('jdk.*') },
  },
  { args: ['--json', '--stack-depth', '1'], options: { format: 'json', stackDepth: 1 } },
  { args: ['--xml', '--stack-depth', '0'], options: { format: 'xml', stackDepth: 0 } },
  {
    args: ['--exact', '--events', 'jdk.*'],
    options: { format: 'text', exact: true, filter: eventTypeFilter('jdk.*') },
  },
  {
    args: ['--events', 'CPULoad,GC*,jdk.Thread?tart'],
    options: { format: 'text', filter: eventTypeFilter('CPULoad,GC*,jdk.Thread?tart') },
  },
  {
    args: ['--categories', 'GC,JVM,Java*'],
    options: { format: 'text', filter: categoryFilter('GC,JVM,Java*') },
  },
];

describe('print equals JDK 25', () => {
  const recordings = oddRecordings();
  for (const { name, path } of recordings) {
    for (const { args, options } of CASES) {
      test(`${name}: jfr print ${args.join(' ')}`, async (context) => {
        if (!jdk) return context.skip(NO_JDK);
        const theirs = runJfr(jdk, 'print', ...args, path);
        expect(theirs.stderr).toBe('');
        expectSame(await print(readFileSync(path), options), theirs.stdout);
      });
    }
    test(`${name}: jfr print of each event type of the odd workload`, async (context) => {
      if (!jdk) return context.skip(NO_JDK);
      const bytes = readFileSync(path);
      const recording = await openRecording(bytes);
      const types = (await recording.chunk(0)).eventTypes.filter(
        (type) => !type.name.startsWith('jdk.'),
      );
      const broken: string[] = [];
      for (const { name: type } of types) {
        const theirs = runJfr(jdk, 'print', '--events', type, path);
        // Spans near 2^63 and arrays break the JDK's text printer; ours prints them.
        if (/overflow|Cannot invoke/.test(theirs.stderr + theirs.stdout)) broken.push(type);
        else {
          const filter = eventTypeFilter(type);
          expectSame(await print(bytes, { format: 'text', filter }), theirs.stdout);
        }
      }
      expect(types.length).toBeGreaterThan(broken.length);
      for (const type of broken) {
        const filter = eventTypeFilter(type);
        expect(await print(bytes, { format: 'text', filter })).toContain(`${type} {`);
      }
    });
    test(`${name}: jfr summary and metadata`, async (context) => {
      if (!jdk) return context.skip(NO_JDK);
      const recording = await openRecording(readFileSync(path));
      expectSame(formatSummary(await recording.summary()), runJfr(jdk, 'summary', path).stdout);
      const last = await recording.chunk(recording.places.length - 1);
      expectSame(formatMetadata([last.types]), runJfr(jdk, 'metadata', path).stdout);
    });
  }
  test('the corpus', (context) => {
    if (recordings.length === 0) return context.skip('no JDK: nobody to make recordings');
    expect(recordings.length).toBeGreaterThan(0);
  });
});

const LONG_MAX = 2n ** 63n - 1n;

const Waited = {
  name: 'test.Waited',
  label: 'Waited',
  category: ['Test'],
  fields: [{ name: 'span', type: 'long', label: 'Span', content: 'timespan-nanos' }],
} as const satisfies EventDeclaration;

describe('deliberate differences', () => {
  const sink = memorySink();
  writeRecording(sink, {
    declarations: [Waited],
    events: [
      { event: Waited, values: { startTime: 1_000n, span: LONG_MAX } },
      { event: Waited, values: { startTime: 2_000n, span: LONG_MAX - 1n } },
    ],
  });

  test('--exact prints a span of "for ever", where JDK 25 stops with an arithmetic exception', async () => {
    const text = await print(sink.bytes(), { format: 'text', exact: true });
    expect(text).toContain('span = Forever');
    expect(text).toContain('span = 9223372036.854776000 s');
  });
});
