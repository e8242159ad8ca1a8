// SPDX-License-Identifier: Apache-2.0
// How long faults took to serve, on a logarithmic scale: a median hides the few that made the guest wait.
import type { Run } from './run.ts';
import { type Column, column, type Table, table } from './table.ts';

/** Bounds of buckets in nanoseconds, and the faults whose service time lies in `[from, to)`. */
export type ServiceTimeTable = Table<{
  from: Column<Float64Array>;
  to: Column<Float64Array>;
  faults: Column<Float64Array>;
  /** Nanoseconds of service in the bucket. */
  stalled: Column<Float64Array>;
}>;

/**
 * Faults by service time, in buckets of equal ratio from the fastest to the slowest; no rows without
 * faults or without a clock. A fault of less than a nanosecond counts as one of a nanosecond.
 *
 * @param perDecade buckets between a time and ten times that time
 * @throws {RangeError} unless `perDecade` is a whole number from 1
 */
export function serviceTimes(run: Run, perDecade = 10): ServiceTimeTable {
  if (!Number.isInteger(perDecade) || perDecade < 1) {
    throw new RangeError(`${perDecade} buckets per decade`);
  }
  const durations = run.timed ? run.faults.columns.duration.values : new Float64Array(0);
  const bucketOf = (nanos: number) => Math.floor(Math.log10(Math.max(nanos, 1)) * perDecade + 1e-9);
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (const nanos of durations) {
    first = Math.min(first, bucketOf(nanos));
    last = Math.max(last, bucketOf(nanos));
  }
  const buckets = Math.max(0, last - first + 1) || 0;
  const faults = new Float64Array(buckets);
  const stalled = new Float64Array(buckets);
  for (const nanos of durations) {
    faults[bucketOf(nanos) - first]!++;
    stalled[bucketOf(nanos) - first]! += nanos;
  }
  const bound = (bucket: number) => 10 ** ((first + bucket) / perDecade);
  return table(`Service times of ${run.name}`, {
    from: column(
      'From',
      'ns',
      faults.map((_, i) => bound(i)),
    ),
    to: column(
      'To',
      'ns',
      faults.map((_, i) => bound(i + 1)),
    ),
    faults: column('Faults', 'count', faults),
    stalled: column('Stalled', 'ns', stalled),
  });
}
