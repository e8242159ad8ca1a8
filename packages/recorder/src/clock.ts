// SPDX-License-Identifier: Apache-2.0
// One clock for everything: nanoseconds of CLOCK_MONOTONIC in a plain number, as `process.hrtime` counts
// them. Of Node's ways to that clock its old form with two numbers is the cheapest: `performance.now()`
// checks its receiver and divides, `hrtime.bigint()` makes a bigint. The pair it answers with is an array
// in name only: optimised code takes the two numbers and never makes it.
const { hrtime } = process;

/** Nanoseconds of CLOCK_MONOTONIC. A double: exact below 2^53 (104 days of uptime), ±2 ns until 208. */
export type Ticks = number;

export const TICKS_PER_SECOND = 1_000_000_000;

/** The present moment in ticks, a whole number; about 30 ns a call, of which 20 are the kernel's. */
export function now(): Ticks {
  const time = hrtime();
  // a literal: with an exported constant in its place V8 11 does make the array
  return time[0] * 1e9 + time[1];
}

/** A point in time on both clocks, so that ticks can be shown as dates. */
export interface ClockPair {
  readonly ticks: Ticks;
  /** Nanoseconds since 1970-01-01 UTC. */
  readonly epochNanos: bigint;
}

/** Nanoseconds within which the edge must be found; twenty times what two readings take. */
const NARROW = 20_000;
/** Edges that are tried, when something else ran on the processor just then. */
const EDGES = 5;

/**
 * Reads both clocks as one. The wall clock of JavaScript counts milliseconds, so the pair is taken at
 * the edge where it moves on (within a millisecond): off by microseconds then, not by half a millisecond.
 * Where the thread was not running at that moment the next edge is tried: of five the one that is known best.
 */
export function clockPair(): ClockPair {
  let best = edge();
  for (let tried = 1; tried < EDGES && best.width > NARROW; tried++) {
    const next = edge();
    if (next.width < best.width) best = next;
  }
  return { ticks: best.ticks, epochNanos: BigInt(best.wall) * 1_000_000n };
}

/** The next edge of the wall clock: it came at most `width` nanoseconds before `ticks`. */
function edge(): { ticks: Ticks; wall: number; width: number } {
  let before = now();
  const deadline = before + 2e6;
  const first = Date.now();
  for (;;) {
    const between = now();
    const wall = Date.now();
    const ticks = now();
    if (wall === first + 1) return { ticks, wall, width: ticks - before };
    // the clock was set, or stands: not known better than to its millisecond
    if (wall !== first || ticks > deadline) return { ticks, wall, width: 2e6 };
    before = between;
  }
}
