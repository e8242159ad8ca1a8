// SPDX-License-Identifier: Apache-2.0
// What came into memory and what left it, in one sequence: faults, prefetched runs, removed ranges.
// Playing a run is reading this from the top.

import { PAGE_BYTES } from '@rekindle/memory';
import type { Run } from './run.ts';

/** Why pages changed. */
export const FAULTED = 0;
export const PREFETCHED = 1;
export const REMOVED = 2;

/** Parallel columns, ordered by time; at one time prefetches come first, then faults, then removals. */
export interface InstallLog {
  readonly length: number;
  /** Nanoseconds from the start of the run (event numbers where the run has no clock). */
  readonly ticks: Float64Array;
  /** Slot of the first page. */
  readonly slot: Uint32Array;
  readonly pages: Uint32Array;
  /** FAULTED, PREFETCHED or REMOVED. */
  readonly cause: Uint8Array;
  /** COPY, ZERO or RACED; 0 for removals. */
  readonly action: Uint8Array;
  /** Row in the run's table of that cause. */
  readonly row: Uint32Array;
}

/** Merges the tables of a run. Pages outside RAM are left out. */
export function installLog(run: Run): InstallLog {
  const { faults, prefetches, removals, ram } = run;
  const capacity = faults.rows + prefetches.rows + removals.rows;
  const ticks = new Float64Array(capacity);
  const slot = new Uint32Array(capacity);
  const pages = new Uint32Array(capacity);
  const cause = new Uint8Array(capacity);
  const action = new Uint8Array(capacity);
  const row = new Uint32Array(capacity);
  let length = 0;
  const add = (
    at: number,
    address: number,
    count: number,
    why: number,
    how: number,
    of: number,
  ) => {
    const first = ram.slotOf(address);
    if (first < 0) return;
    ticks[length] = at;
    slot[length] = first;
    pages[length] = Math.min(count, ram.slots - first);
    cause[length] = why;
    action[length] = how;
    row[length] = of;
    length++;
  };
  const f = faults.columns;
  const p = prefetches.columns;
  const r = removals.columns;
  for (let a = 0, b = 0, c = 0; a + b + c < capacity; ) {
    const fault = f.ticks.values[a] ?? Number.POSITIVE_INFINITY;
    const prefetch = p.ticks.values[b] ?? Number.POSITIVE_INFINITY;
    const removal = r.ticks.values[c] ?? Number.POSITIVE_INFINITY;
    if (b < prefetches.rows && prefetch <= fault && prefetch <= removal) {
      const { guestPhysical, pages: count, action: how } = p;
      add(prefetch, guestPhysical.values[b]!, count.values[b]!, PREFETCHED, how.values[b]!, b);
      b++;
    } else if (a < faults.rows && fault <= removal) {
      add(fault, f.guestPhysical.values[a]!, 1, FAULTED, f.action.values[a]!, a);
      a++;
    } else {
      const count = Math.ceil(r.bytes.values[c]! / PAGE_BYTES);
      add(removal, r.guestPhysical.values[c]!, count, REMOVED, 0, c);
      c++;
    }
  }
  return {
    length,
    ticks: ticks.slice(0, length),
    slot: slot.slice(0, length),
    pages: pages.slice(0, length),
    cause: cause.slice(0, length),
    action: action.slice(0, length),
    row: row.slice(0, length),
  };
}

/** Number of entries of sorted `ticks` that are at or before `tick`. */
export function countAt(ticks: Float64Array, tick: number): number {
  let low = 0;
  let high = ticks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ticks[middle]! <= tick) low = middle + 1;
    else high = middle;
  }
  return low;
}
