// SPDX-License-Identifier: Apache-2.0
import type { WorkingSet } from './working-set.ts';
import type { TouchOrder } from './working-set-build.ts';

/** How a working set does against what a restore touched. Counts are pages. */
export interface Fit {
  readonly set: number;
  readonly touched: number;
  readonly both: number;
  /** Share of the set that was touched, 0 to 1. */
  readonly precision: number;
  /** Share of the touched pages that the set has. */
  readonly recall: number;
  /** Pages of the set that nobody touched. */
  readonly wasted: number;
}

/** What two sets of pages share. */
export interface Overlap {
  readonly both: number;
  readonly onlyFirst: number;
  readonly onlySecond: number;
  /** Shared pages by all pages: 1 for equal sets, 0 for sets that share nothing. */
  readonly jaccard: number;
}

/** Every page of a working set. */
export function pageSetOf(set: WorkingSet): Set<number> {
  const pages = new Set<number>();
  for (const run of [...set.runs, ...set.zeroRuns]) {
    for (let page = run.page; page < run.page + run.pages; page++) pages.add(page);
  }
  return pages;
}

const share = (part: number, whole: number): number => (whole === 0 ? 1 : part / whole);

/** Holds a working set against the pages of a restore on demand. */
export function fitOf(set: WorkingSet, touched: TouchOrder): Fit {
  const pages = pageSetOf(set);
  const distinct = new Set(touched);
  let both = 0;
  for (const page of distinct) if (pages.has(page)) both++;
  return {
    set: pages.size,
    touched: distinct.size,
    both,
    precision: share(both, pages.size),
    recall: share(both, distinct.size),
    wasted: pages.size - both,
  };
}

/** What two page sets share. */
export function overlapOf(first: ReadonlySet<number>, second: ReadonlySet<number>): Overlap {
  let both = 0;
  for (const page of first) if (second.has(page)) both++;
  const onlyFirst = first.size - both;
  const onlySecond = second.size - both;
  return { both, onlyFirst, onlySecond, jaccard: share(both, both + onlyFirst + onlySecond) };
}
