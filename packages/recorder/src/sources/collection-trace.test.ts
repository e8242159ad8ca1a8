// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { openRecording } from '@rekindle/jfr';
import { describe, expect, it } from 'vitest';
import { type TraceEvent, TraceReader } from './collection-trace.ts';

/** Nanoseconds by which the two may differ: callbacks run between what they take for the beginning. */
const NEAR = 1e6;
const NAMES = new Map([
  [constants.NODE_PERFORMANCE_GC_MINOR, 'Scavenger'],
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'Mark-Sweep-Compact'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'Incremental Marking'],
]);

const PROGRAM = fileURLToPath(new URL('../testing/programs/collections.mjs', import.meta.url));

describe('collections in a trace', () => {
  const told: unknown[][] = [];
  const reader = new TraceReader(7, {
    wantsSizes: true,
    sizesPeriod: 1,
    get next() {
      return told.filter(([what]) => what === 'collection').length + 1;
    },
    commit: (...collection) => told.push(['collection', ...collection]),
    sizes: (id, start, end, before, after) =>
      told.push(['sizes', id, start, end, before.usedHeapSize, after.usedHeapSize]),
  });
  const of = (
    tid: number,
    name: string,
    ph: string,
    ts: number,
    args = {},
    dur = 0,
  ): TraceEvent => ({
    ...{ tid, name, ph, ts, args, dur },
  });
  const read = (...events: TraceEvent[]): unknown[][] => {
    told.length = 0;
    reader.read(events);
    return told;
  };

  it('are those of one thread, with start, duration, reason, and used heap', () => {
    const found = read(
      of(7, 'MinorGC', 'B', 100, { usedHeapSizeBefore: 9, type: 'allocation failure' }),
      of(8, 'MinorGC', 'B', 101, { usedHeapSizeBefore: 1, type: 'testing' }),
      of(7, 'V8.GCScavenger', 'X', 102, {}, 2),
      of(7, 'MinorGC', 'E', 105, { usedHeapSizeAfter: 4 }),
      of(8, 'MinorGC', 'E', 106, { usedHeapSizeAfter: 1 }),
      of(7, 'V8.GCIncrementalMarkingStart', 'X', 110, { reason: 'external memory pressure' }, 3),
      of(7, 'MajorGC', 'B', 5000, { usedHeapSizeBefore: 8, type: 'testing' }),
      of(7, 'MajorGC', 'E', 5020, { usedHeapSizeAfter: 2 }),
    );
    expect(found).toEqual([
      ['collection', 100_000, 5000, 'Scavenger', 'Allocation'],
      ['sizes', 1, 100_000, 105_000, 9, 4],
      ['collection', 110_000, 3000, 'Incremental Marking', 'External Memory'],
      ['collection', 5_000_000, 20_000, 'Mark-Sweep-Compact', 'Forced'],
      ['sizes', 3, 5_000_000, 5_020_000, 8, 2],
    ]);
  });

  it('are told once where slices overlap, and not where the beginning is missing', () => {
    expect(read(of(7, 'MajorGC', 'B', 5000), of(7, 'MajorGC', 'E', 5020))).toEqual([]);
    expect(read(of(7, 'MinorGC', 'E', 6000), of(7, 'MinorGC', 'E', 6001))).toEqual([]);
  });
});

describe('a recording of the main thread', () => {
  it('has the collections that the observer of Node.js has, with their times', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'collections-'));
    try {
      const file = join(directory, 'run.jfr');
      const output = execFileSync(process.execPath, ['--expose-gc', PROGRAM, file], {
        encoding: 'utf8',
      });
      const observed = (JSON.parse(output) as { start: number; duration: number; kind: number }[])
        // not told apart in the trace, and of no length
        .filter(({ kind }) => kind !== constants.NODE_PERFORMANCE_GC_WEAKCB)
        .sort((a, b) => a.start - b.start);
      expect(observed.length).toBeGreaterThan(5);
      const found: { start: number; duration: number; name: string }[] = [];
      let sizes = 0;
      for await (const event of (await openRecording(readFileSync(file))).events()) {
        if (event.name === 'jdk.GCHeapSummary') sizes++;
        if (event.name !== 'jdk.GarbageCollection') continue;
        const [start, duration] = [Number(event.startNanos), Number(event.durationNanos)];
        found.push({ start, duration, name: String(event.get('name')) });
      }
      found.sort((a, b) => a.start - b.start);
      expect(found.map(({ name }) => name)).toEqual(observed.map(({ kind }) => NAMES.get(kind)));
      for (const [index, { start, duration }] of found.entries()) {
        const [its, first] = [observed[index]!, observed[0]!];
        expect(Math.abs(start - found[0]!.start - (its.start - first.start))).toBeLessThan(NEAR);
        expect(Math.abs(duration - its.duration)).toBeLessThan(NEAR);
      }
      const incremental = found.filter(({ name }) => name === 'Incremental Marking').length;
      expect(sizes).toBe(2 * (found.length - incremental));
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
