// SPDX-License-Identifier: Apache-2.0
import { fileOffsetOf, type GuestRange } from './guest-layout.ts';
import { PagerError } from './pager-error.ts';
import type { PageRun, WorkingSet } from './working-set.ts';

/** The pages one restore touched, in the order it did: indices into the memory file. */
export type TouchOrder = readonly number[];

/**
 * A page is worth being prefetched when more than one restore in seven asks for it: it costs a seventh of a fault
 * (bench/pager.ts). Few recordings say little about such a rate; a quarter of them is on the safe side.
 */
const WORTHWHILE = 4;

export interface BuildOptions {
  readonly pageSize: number;
  readonly memoryBytes: number;
  /** SHA-256 of the memory file in hexadecimal; empty ties by size only. */
  readonly snapshotHash: string;
  /** Least number of recordings that must have touched a page; default: a quarter of them. */
  readonly threshold?: number;
  /** Up to so many pages between two runs are taken along to make one of them; default 0. */
  readonly gap?: number;
  /** Whether a page is zero in the snapshot. */
  readonly isZero: (page: number) => boolean;
  /** Ranks (positions in the touch order) below this count as hot; default: everything. */
  readonly hotRank?: number;
}

/**
 * First touches of a recording's faults.
 * @param guestPhysical addresses of the faults in order of time; those outside the guest's RAM are dropped
 */
export function touchOrder(
  guestPhysical: Iterable<number>,
  layout: readonly GuestRange[],
  pageSize: number,
): number[] {
  const seen = new Set<number>();
  for (const address of guestPhysical) {
    const offset = fileOffsetOf(layout, address);
    if (offset >= 0) seen.add(Math.floor(offset / pageSize));
  }
  return [...seen];
}

/**
 * Makes a working set: pages in at least `threshold` of the recordings, neighbours joined to runs, runs
 * ordered by the mean rank of first touch of their earliest page.
 */
export function buildWorkingSet(
  recordings: readonly TouchOrder[],
  options: BuildOptions,
): WorkingSet {
  const threshold = options.threshold ?? Math.ceil(recordings.length / WORTHWHILE);
  if (recordings.length === 0 || threshold < 1 || threshold > recordings.length) {
    throw new PagerError(
      'OPTIONS',
      `pages in at least ${threshold} of ${recordings.length} recordings`,
      'threshold',
      'give at least one recording, and a threshold between 1 and their number',
    );
  }
  const ranks = new Map<number, { sum: number; count: number }>();
  for (const order of recordings) {
    for (const [rank, page] of order.entries()) {
      const entry = ranks.get(page) ?? { sum: 0, count: 0 };
      entry.sum += rank;
      entry.count++;
      ranks.set(page, entry);
    }
  }
  const chosen = [...ranks].filter(([, entry]) => entry.count >= threshold);
  const mean = new Map(chosen.map(([page, entry]) => [page, entry.sum / entry.count]));
  const zero: number[] = [];
  const data: number[] = [];
  for (const page of [...mean.keys()].sort((a, b) => a - b)) {
    (options.isZero(page) ? zero : data).push(page);
  }
  const taken = new Set(zero);
  const { runs, gap } = coalesce(data, options.gap ?? 0, taken);
  const zeroRuns = coalesce(zero, 0, new Set()).runs;
  const firstTouch = (run: PageRun): number => {
    let first = Number.POSITIVE_INFINITY;
    for (let page = run.page; page < run.page + run.pages; page++) {
      first = Math.min(first, mean.get(page) ?? Number.POSITIVE_INFINITY);
    }
    return first;
  };
  const ordered = (list: PageRun[]): PageRun[] =>
    list
      .map((run) => ({ run, rank: firstTouch(run) }))
      .sort((a, b) => a.rank - b.rank || a.run.page - b.run.page)
      .map(({ run }) => run);
  const byTouch = ordered(runs);
  const hotRank = options.hotRank ?? Number.POSITIVE_INFINITY;
  return {
    pageSize: options.pageSize,
    memoryBytes: options.memoryBytes,
    snapshotHash: options.snapshotHash,
    runs: byTouch,
    zeroRuns: ordered(zeroRuns),
    hotRuns: byTouch.filter((run) => firstTouch(run) < hotRank).length,
    statistics: {
      recordings: recordings.length,
      threshold,
      union: ranks.size,
      chosen: chosen.length,
      gap,
    },
  };
}

/** Joins ascending pages to runs, over gaps of at most `gap` pages none of which is in `taken`. */
function coalesce(
  pages: readonly number[],
  gap: number,
  taken: ReadonlySet<number>,
): { runs: PageRun[]; gap: number } {
  const runs: { page: number; pages: number }[] = [];
  let filled = 0;
  for (const page of pages) {
    const last = runs.at(-1);
    const end = last === undefined ? 0 : last.page + last.pages;
    if (last !== undefined && page - end <= gap && !anyTaken(end, page, taken)) {
      filled += page - end;
      last.pages = page + 1 - last.page;
    } else {
      runs.push({ page, pages: 1 });
    }
  }
  return { runs, gap: filled };
}

function anyTaken(from: number, to: number, taken: ReadonlySet<number>): boolean {
  for (let page = from; page < to; page++) if (taken.has(page)) return true;
  return false;
}
