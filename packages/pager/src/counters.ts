// SPDX-License-Identifier: Apache-2.0
import type { PagerTotals } from './fault-log.ts';

/** Indices into {@link Counters}. copied, zeroed, raced follow the order of ACTION. */
export const COUNTER = {
  faults: 0,
  copied: 1,
  zeroed: 2,
  raced: 3,
  prefetched: 4,
  removed: 5,
  stalled: 6,
  deferred: 7,
  shared: 8,
} as const;

/** Number of counters. */
export const COUNTERS: number = 9;

/** Running totals; plain numbers in memory that another process may share. */
export type Counters = Float64Array;

/** The totals of a VM, `wasted` not yet known. */
export function totalsOf(counters: Counters): PagerTotals {
  return {
    faults: counters[COUNTER.faults]!,
    copied: counters[COUNTER.copied]!,
    zeroed: counters[COUNTER.zeroed]!,
    raced: counters[COUNTER.raced]!,
    shared: counters[COUNTER.shared]!,
    prefetched: counters[COUNTER.prefetched]!,
    wasted: -1,
    removed: counters[COUNTER.removed]!,
    stalled: Math.round(counters[COUNTER.stalled]!),
  };
}
