// SPDX-License-Identifier: Apache-2.0
// The answers about a run that is small enough to be worked out by hand: testing/drawn-run.ts.
import { describe, expect, it } from 'vitest';
import { countAt, FAULTED, installLog, PREFETCHED, REMOVED } from './install-log.ts';
import { ownersOfFaults } from './owners.ts';
import { serviceTimes } from './service-times.ts';
import { compareRuns, summarize, summaryTable } from './summary.ts';
import { column, table, toObjects } from './table.ts';
import { drawnRun, MICROSECOND } from './testing/drawn-run.ts';
import { timeline } from './timeline.ts';

const run = drawnRun();

describe('whose pages the faults were', () => {
  const rows = toObjects(ownersOfFaults(run));

  it('tells faults, pages and time by owner', () => {
    expect(rows.find(({ owner }) => owner === 'java heap')).toEqual({
      owner: 'java heap',
      resident: 2,
      faults: 2,
      copied: 1,
      zeroed: 0,
      prefetched: 1,
      bytes: 8192,
      stalled: 23 * MICROSECOND,
    });
    expect(rows.find(({ owner }) => owner === 'free')).toMatchObject({ faults: 1, zeroed: 1 });
  });

  it('leaves out nobody and invents nobody', () => {
    const sum = (name: string) => rows.reduce((total, row) => total + Number(row[name]), 0);
    expect(sum('faults')).toBe(6);
    expect(sum('resident')).toBe(16);
    expect(sum('prefetched')).toBe(2);
    expect(rows.map(({ owner }) => owner)).not.toContain('metaspace');
  });
});

describe('a run in a few numbers', () => {
  it('is what the events say', () => {
    expect(summarize(run)).toEqual({
      name: 'drawn',
      faults: 6,
      unrecorded: 0,
      copied: 4,
      zeroed: 1,
      raced: 1,
      prefetched: 2,
      bytes: 7 * 4096,
      bytesRead: 6 * 4096,
      stalled: 88 * MICROSECOND,
      servedMedian: 10 * MICROSECOND,
      served99: 40 * MICROSECOND,
      firstResponse: 350 * MICROSECOND,
      resumeToFirstResponse: 260 * MICROSECOND,
    });
    expect(run.duration).toBe(350 * MICROSECOND);
  });

  it('stands beside others', () => {
    const { columns, rows } = summaryTable([run, run]);
    expect(rows).toBe(2);
    expect([...columns.faults.values]).toEqual([6, 6]);
    expect(columns.stalled.unit).toBe('ns');
  });

  it('compares by owner, with a sum', () => {
    const rows = toObjects(compareRuns(run, run));
    expect(rows.at(-1)).toMatchObject({ owner: 'all', faultsBefore: 6, faultsAfter: 6, ratio: 1 });
    expect(rows.find(({ owner }) => owner === 'code cache')?.ratio).toBeNaN();
  });
});

describe('how long faults took', () => {
  it('counts them in buckets of equal ratio', () => {
    const { columns, rows } = serviceTimes(run, 1);
    // 3, 5, 10, 10, 20 and 40 µs.
    expect(rows).toBe(2);
    expect([...columns.from.values]).toEqual([1000, 10_000]);
    expect([...columns.faults.values]).toEqual([2, 4]);
    expect([...columns.stalled.values]).toEqual([8000, 80_000]);
  });

  it('loses none, whatever the buckets', () => {
    for (const perDecade of [1, 3, 10, 24]) {
      const { faults, from, to } = serviceTimes(run, perDecade).columns;
      expect(faults.values.reduce((sum, value) => sum + value)).toBe(6);
      expect(from.values[0]).toBeLessThanOrEqual(3000);
      expect(to.values.at(-1)).toBeGreaterThan(40_000);
    }
  });

  it('has nothing to say without a clock', () => {
    expect(serviceTimes({ ...run, timed: false }).rows).toBe(0);
  });
});

describe('what came in when', () => {
  it('cuts the run into slices', () => {
    const { columns } = timeline(run, 7);
    expect([...columns.start.values]).toEqual(
      [0, 50, 100, 150, 200, 250, 300].map((us) => us * 1000),
    );
    expect([...columns.faults.values]).toEqual([0, 0, 3, 1, 1, 0, 1]);
    expect([...columns.prefetched.values]).toEqual([0, 2, 0, 0, 0, 0, 0]);
    expect([...columns.cumulative.values]).toEqual([0, 2, 5, 6, 7, 7, 8]);
    expect(columns.stalled.values.reduce((sum, value) => sum + value)).toBeCloseTo(88_000, 6);
  });

  it('refuses a number of slices that is none', () => {
    expect(() => timeline(run, 0)).toThrow(RangeError);
    expect(() => timeline(run, 1.5)).toThrow(RangeError);
  });

  it('is one sequence of faults, prefetches and removals', () => {
    const log = installLog(run);
    const [f, p, r] = [FAULTED, PREFETCHED, REMOVED];
    expect([...log.cause]).toEqual([p, f, f, f, f, f, r, f]);
    expect([...log.slot]).toEqual([5, 0, 4, 4, 11, 14, 14, 12]);
    expect([...log.pages]).toEqual([2, 1, 1, 1, 1, 1, 2, 1]);
    expect(countAt(log.ticks, 120 * MICROSECOND)).toBe(3);
    expect(countAt(log.ticks, 49 * MICROSECOND)).toBe(0);
    expect(countAt(log.ticks, 1e9)).toBe(8);
  });
});

it('a table has columns of one length', () => {
  const [one, two] = [Uint8Array.of(1), Uint8Array.of(1, 2)];
  expect(() =>
    table('crooked', { a: column('A', 'count', one), b: column('B', 'count', two) }),
  ).toThrow('table "crooked": column b has 2 rows, not 1');
});
