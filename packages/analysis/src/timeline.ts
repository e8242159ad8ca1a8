// SPDX-License-Identifier: Apache-2.0
// What came in when: a run cut into slices of equal time.
import { FAULTED, installLog, PREFETCHED } from './install-log.ts';
import type { Run } from './run.ts';
import { type Column, column, type Table, table } from './table.ts';

export type TimelineTable = Table<{
  /** Start of the slice, nanoseconds from the start of the run. */
  start: Column<Float64Array>;
  faults: Column<Float64Array>;
  prefetched: Column<Float64Array>;
  /** Nanoseconds of service in the slice, summed over the vCPUs. */
  stalled: Column<Float64Array>;
  /** Pages that have come in by the end of the slice. */
  cumulative: Column<Float64Array>;
}>;

/**
 * @param slices number of slices
 * @throws {RangeError} unless that is a whole number from 1
 */
export function timeline(run: Run, slices = 100): TimelineTable {
  if (!Number.isInteger(slices) || slices < 1) throw new RangeError(`${slices} slices of a run`);
  const width = Math.max(run.duration, 1) / slices;
  const sums = () => new Float64Array(slices);
  const faults = sums();
  const prefetched = sums();
  const stalled = sums();
  const cumulative = sums();
  const log = installLog(run);
  const { duration } = run.faults.columns;
  for (let i = 0; i < log.length; i++) {
    const slice = Math.min(slices - 1, Math.floor(log.ticks[i]! / width));
    if (log.cause[i] === FAULTED) {
      faults[slice]!++;
      cumulative[slice]!++;
      spread(stalled, log.ticks[i]!, duration.values[log.row[i]!]!, width);
    } else if (log.cause[i] === PREFETCHED) {
      prefetched[slice]! += log.pages[i]!;
      cumulative[slice]! += log.pages[i]!;
    }
  }
  for (let slice = 1; slice < slices; slice++) cumulative[slice]! += cumulative[slice - 1]!;
  return table(`Timeline of ${run.name}`, {
    start: column(
      'Start',
      run.timed ? 'ns' : 'count',
      sums().map((_, i) => i * width),
    ),
    faults: column('Faults', 'count', faults),
    prefetched: column('Prefetched', 'pages', prefetched),
    stalled: column('Stalled', 'ns', stalled),
    cumulative: column('Pages In', 'pages', cumulative),
  });
}

/** Adds a span of time to the slices it covers; what reaches beyond the last belongs to that. */
export function spread(into: Float64Array, start: number, length: number, width: number): void {
  let from = start;
  const end = start + length;
  for (let slice = Math.floor(start / width); from < end && slice < into.length; slice++) {
    const to = slice === into.length - 1 ? end : Math.min(end, (slice + 1) * width);
    into[slice]! += to - from;
    from = to;
  }
}
