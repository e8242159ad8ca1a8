// SPDX-License-Identifier: Apache-2.0
// What is scrubbed here must be what JDK 25's `jfr scrub` leaves, event for event.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bufferSource } from '@rekindle/bytes';
import { afterAll, describe, expect, it } from 'vitest';
import { categoryFilter, eventTypeFilter } from '../print/event-filter.ts';
import { oddRecordings } from '../testing/corpus.ts';
import { jdkOf, runJfr } from '../testing/jdk.ts';
import { memorySink } from './recording-sink.ts';
import { RecordingWriter } from './recording-writer.ts';
import { type ScrubFilter, scrub } from './scrub.ts';

const directory = mkdtempSync(join(tmpdir(), 'rekindle-scrub-'));
afterAll(() => rmSync(directory, { recursive: true }));

const cases: readonly [string[], ScrubFilter][] = [
  [['--include-events', 'jdk.Thread*'], { event: eventTypeFilter('jdk.Thread*') }],
  [
    ['--exclude-events', 'InitialSystemProperty,jdk.ActiveSetting'],
    { event: (type) => !eventTypeFilter('InitialSystemProperty,jdk.ActiveSetting')(type) },
  ],
  [['--exclude-categories', 'JVM'], { event: (type) => !categoryFilter('JVM')(type) }],
  [['--include-threads', 'main'], { thread: (thread) => thread?.javaName === 'main' }],
  [['--exclude-threads', 'main'], { thread: (thread) => thread?.javaName !== 'main' }],
  [['--include-events', 'no.such.Event'], { event: () => false }],
];

/** The table of `jfr summary`, without what the tools write for themselves. */
function counts(summary: string): string[] {
  return summary
    .split('\n')
    .filter((line) => / \d+ +\d+ *$/.test(line) && !/jdk\.(Meta|Check)/.test(line));
}

describe('scrub', () => {
  const jdk = jdkOf(25);
  for (const [index, [options, filter]] of cases.entries()) {
    it(`leaves what \`jfr scrub ${options.join(' ')}\` leaves`, async (context) => {
      if (jdk === undefined) return context.skip('no JDK 25 on this machine');
      // each case takes another of the recordings: the JDK is slow at printing them
      const recordings = oddRecordings();
      const { name, path } = recordings[index % recordings.length]!;
      const theirs = join(directory, `theirs-${index}.jfr`);
      expect(runJfr(jdk, 'scrub', ...options, path, theirs).status).toBe(0);
      const ours = join(directory, `ours-${index}.jfr`);
      const sink = memorySink();
      await scrub(bufferSource(readFileSync(path)), sink, filter);
      writeFileSync(ours, sink.bytes());
      const [summary, theirSummary] = [ours, theirs].map((one) => runJfr(jdk, 'summary', one));
      expect(counts(summary!.stdout), name).toEqual(counts(theirSummary!.stdout));
      const [json, theirJson] = [ours, theirs].map((one) => runJfr(jdk, 'print', '--json', one));
      expect(json!.stderr).toBe('');
      expect(json!.stdout === theirJson!.stdout, 'both print the same').toBe(true);
    });
  }

  it('leaves no byte of what only the removed events said', async () => {
    const sink = memorySink();
    const writer = new RecordingWriter(sink);
    const field = { name: 'text', type: 'java.lang.String', label: 'Text' } as const;
    const secret = writer.event({ name: 'test.Secret', label: 'S', category: [], fields: [field] });
    const open = writer.event({ name: 'test.Open', label: 'O', category: [], fields: [field] });
    writer.write(secret, 1, writer.pools.string('pool password'));
    writer.write(secret, 2, 'inline password');
    writer.write(open, 3, writer.pools.string('shared'));
    writer.write(secret, 4, writer.pools.string('shared'));
    writer.finish();
    const result = memorySink();
    const removed = await scrub(bufferSource(sink.bytes()), result, {
      event: ({ name }) => name !== 'test.Secret',
    });
    expect(removed).toContainEqual({ type: 'test.Secret', events: 3, removed: 3 });
    expect(removed).toContainEqual({ type: 'test.Open', events: 1, removed: 0 });
    const text = Buffer.from(result.bytes()).toString('latin1');
    expect(text).not.toContain('password');
    expect(text).toContain('shared');
  });
});
