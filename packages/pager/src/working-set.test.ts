// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firecrackerLayout } from './guest-layout.ts';
import { PagerError } from './pager-error.ts';
import {
  checkWorkingSet,
  decodeWorkingSet,
  encodeWorkingSet,
  type PageRun,
  type WorkingSet,
} from './working-set.ts';
import { buildWorkingSet, touchOrder } from './working-set-build.ts';

const MEMORY_PAGES = 4096;

const set = (fields: Partial<WorkingSet> = {}): WorkingSet => ({
  pageSize: 4096,
  memoryBytes: MEMORY_PAGES * 4096,
  snapshotHash: 'ab'.repeat(32),
  runs: [
    { page: 40, pages: 2 },
    { page: 7, pages: 1 },
  ],
  zeroRuns: [{ page: 100, pages: 50 }],
  hotRuns: 1,
  statistics: { recordings: 3, threshold: 2, union: 70, chosen: 53, gap: 0 },
  ...fields,
});

/** Runs that do not overlap, shuffled, split into data and zero runs. */
const workingSets = fc
  .record({
    marks: fc.uniqueArray(fc.integer({ min: 0, max: MEMORY_PAGES }), {
      minLength: 2,
      maxLength: 60,
    }),
    seed: fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }),
    hash: fc.option(fc.uint8Array({ minLength: 32, maxLength: 32 }), { nil: undefined }),
    counts: fc.tuple(fc.nat(), fc.nat(), fc.nat(), fc.nat(), fc.nat()),
  })
  .map(({ marks, seed, hash, counts }): WorkingSet => {
    const sorted = [...marks].sort((a, b) => a - b);
    const runs: PageRun[] = [];
    const zeroRuns: PageRun[] = [];
    for (let i = 1; i < sorted.length; i++) {
      const run = { page: sorted[i - 1]!, pages: sorted[i]! - sorted[i - 1]! };
      (seed[i] ? runs : zeroRuns).unshift(run);
    }
    const [recordings, threshold, union, chosen, gap] = counts;
    const text = hash === undefined ? '' : Buffer.from(hash).toString('hex');
    return set({
      runs,
      zeroRuns,
      hotRuns: Math.floor(runs.length / 2),
      snapshotHash: /^0*$/.test(text) ? '' : text,
      statistics: { recordings, threshold, union, chosen, gap },
    });
  });

describe('working set file', () => {
  it('comes back as it was written', () => {
    fc.assert(
      fc.property(workingSets, (value) => {
        expect(decodeWorkingSet(encodeWorkingSet(value), 'test')).toEqual(value);
      }),
    );
  });

  it('notices every changed byte and every missing one', () => {
    const bytes = encodeWorkingSet(set());
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: bytes.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        (at, by) => {
          const changed = bytes.slice();
          changed[at]! ^= by;
          expect(() => decodeWorkingSet(changed, 'test')).toThrow(PagerError);
          expect(() => decodeWorkingSet(bytes.subarray(0, at), 'test')).toThrow(PagerError);
        },
      ),
    );
  });

  it('answers any bytes with a PagerError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(() => decodeWorkingSet(bytes, 'test')).toThrow(PagerError);
      }),
    );
  });

  it.each([
    ['pages in two runs', { zeroRuns: [{ page: 41, pages: 1 }] }, /page 41 is in two runs/],
    ['an empty run', { runs: [{ page: 1, pages: 0 }], hotRuns: 0 }, /empty run/],
    ['a run beyond the memory', { zeroRuns: [{ page: 4095, pages: 2 }] }, /ends at page 4097/],
    ['too many hot runs', { hotRuns: 3 }, /3 hot runs of 2/],
    ['an odd page size', { pageSize: 8192 }, /page size/],
    ['no memory', { memoryBytes: 0 }, /memory size/],
  ])('refuses %s', (_what, fields, message) => {
    expect(() => encodeWorkingSet(set(fields))).toThrow(message);
  });

  it('is refused for another snapshot', () => {
    const memory = { bytes: MEMORY_PAGES * 4096, pageSize: 4096, snapshotHash: 'ab'.repeat(32) };
    expect(() => checkWorkingSet(set(), memory, 'ws')).not.toThrow();
    expect(() => checkWorkingSet(set({ snapshotHash: '' }), memory, 'ws')).not.toThrow();
    expect(() =>
      checkWorkingSet(set(), { ...memory, snapshotHash: 'cd'.repeat(32) }, 'ws'),
    ).toThrow(/made for memory ababab.* this is cdcdcd/);
    expect(() => checkWorkingSet(set(), { ...memory, bytes: 4096 }, 'ws')).toThrow(/this snapshot/);
    expect(() => checkWorkingSet(set(), { ...memory, pageSize: 2 << 20 }, 'ws')).toThrow(
      /pages of/,
    );
  });
});

describe('building', () => {
  const options = {
    pageSize: 4096,
    memoryBytes: MEMORY_PAGES * 4096,
    snapshotHash: '',
    isZero: (page: number): boolean => page >= 100,
  };

  it('takes pages that enough recordings touched, in the order of their mean first touch', () => {
    const built = buildWorkingSet(
      [
        [9, 1, 2, 50, 100],
        [9, 2, 1, 60, 101, 100],
      ],
      { ...options, threshold: 2 },
    );
    expect(built.runs).toEqual([
      { page: 9, pages: 1 },
      { page: 1, pages: 2 },
    ]);
    expect(built.zeroRuns).toEqual([{ page: 100, pages: 1 }]);
    expect(built.statistics).toEqual({ recordings: 2, threshold: 2, union: 7, chosen: 4, gap: 0 });
    // By default in a quarter of them: any of up to four, two of five.
    expect(buildWorkingSet([[50], [60]], options).statistics.chosen).toBe(2);
    const five = buildWorkingSet([[50], [60, 50], [], [70], [70]], options);
    expect(five.statistics).toMatchObject({ threshold: 2, chosen: 2 });
  });

  it('joins runs over small gaps and counts them, never over a page that is zero or has its own run', () => {
    const isZero = (page: number): boolean => page === 5;
    const built = buildWorkingSet([[1, 3, 5, 7, 20]], { ...options, isZero, gap: 1 });
    expect(built.runs).toEqual([
      { page: 1, pages: 3 },
      { page: 7, pages: 1 },
      { page: 20, pages: 1 },
    ]);
    expect(built.zeroRuns).toEqual([{ page: 5, pages: 1 }]);
    expect(built.statistics.gap).toBe(1);
  });

  it('puts the hot part first', () => {
    const built = buildWorkingSet([[30, 10, 20]], { ...options, hotRank: 2 });
    expect(built.runs.map(({ page }) => page)).toEqual([30, 10, 20]);
    expect(built.hotRuns).toBe(2);
  });

  it('always makes a set that can be stored, with every chosen page in it once', () => {
    const order = fc.uniqueArray(fc.integer({ min: 0, max: MEMORY_PAGES - 1 }), { maxLength: 80 });
    fc.assert(
      fc.property(
        fc.array(order, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 0, max: 8 }),
        (recordings, gap) => {
          const built = buildWorkingSet(recordings, {
            ...options,
            threshold: recordings.length,
            gap,
            isZero: (p) => p % 3 === 0,
          });
          encodeWorkingSet(built);
          const inRuns = [...built.runs, ...built.zeroRuns].flatMap(({ page, pages }) =>
            Array.from({ length: pages }, (_, index) => page + index),
          );
          const chosen = recordings[0]!.filter((page) => recordings.every((o) => o.includes(page)));
          for (const page of chosen)
            expect(inRuns.filter((other) => other === page)).toHaveLength(1);
          expect(inRuns.length).toBe(chosen.length + built.statistics.gap);
        },
      ),
    );
  });

  it('finds the pages of guest-physical addresses above the hole', () => {
    const layout = firecrackerLayout(4 * 2 ** 30);
    expect(touchOrder([4 * 2 ** 30 + 5, 8192, 8200, 3.5 * 2 ** 30], layout, 4096)).toEqual([
      (3 * 2 ** 30) / 4096,
      2,
    ]);
  });
});
