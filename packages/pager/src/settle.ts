// SPDX-License-Identifier: Apache-2.0
// When a restore is over: the faults of the service's start come dense, then ever more rarely, and what
// comes later belongs to requests, timers and garbage collections.

/** Milliseconds, and faults. */
export interface SettleOptions {
  /** Not before so long after the first fault; default 200. */
  readonly least?: number;
  /** A stretch of this length with few faults ends it; default 300. */
  readonly quiet?: number;
  /** In any case after so long; default 2000. */
  readonly most?: number;
  /** How many faults a quiet stretch may still have; default 8. */
  readonly few?: number;
}

/**
 * How many of a recording's faults belong to the restore.
 * @param times nanoseconds, ascending
 */
export function settledFaults(times: ArrayLike<number>, options: SettleOptions = {}): number {
  const { least = 200, quiet = 300, most = 2000, few = 8 } = options;
  const count = times.length;
  if (count === 0) return 0;
  const start = times[0]!;
  const at = (index: number): number => (times[index]! - start) / 1e6;
  let ahead = 0;
  for (let index = 0; index < count; index++) {
    const time = at(index);
    if (time > most) return index;
    // Faults in the stretch that begins right after this one.
    while (ahead < count && at(ahead) <= time + quiet) ahead++;
    if (time >= least && ahead - index - 1 <= few) return index + 1;
    // Nothing for a long while, although the least time is not over yet.
    if (time < least && ahead === index + 1 && time + quiet >= least) return index + 1;
  }
  return count;
}
