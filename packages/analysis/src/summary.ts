// SPDX-License-Identifier: Apache-2.0
// A run in a few numbers, and runs side by side.
import { OWNER_CLASSES, PAGE_BYTES } from '@rekindle/memory';
import { ownersOfFaults } from './owners.ts';
import { RACED, type Run, ZERO } from './run.ts';
import { type Column, column, type Table, table } from './table.ts';

export interface RunSummary {
  readonly name: string;
  readonly faults: number;
  /** Faults that the pager counted and the recording does not hold. */
  readonly unrecorded: number;
  /** Pages that faults copied from the memory file, filled with zeroes, found installed already. */
  readonly copied: number;
  readonly zeroed: number;
  readonly raced: number;
  /** Pages installed before anyone asked. */
  readonly prefetched: number;
  /** Bytes brought in by faults and prefetches, zeroes included. */
  readonly bytes: number;
  /** Bytes of that which came from the memory file. */
  readonly bytesRead: number;
  /** Nanoseconds spent serving faults, summed over the vCPUs. */
  readonly stalled: number;
  /** Median and 99th percentile of the time to serve a fault, nanoseconds; 0 without faults. */
  readonly servedMedian: number;
  readonly served99: number;
  /** Nanoseconds from the start of the run to the end of the first good answer; -1: none. */
  readonly firstResponse: number;
  /** The same from the moment the machine ran again; -1: not told. */
  readonly resumeToFirstResponse: number;
}

/** The numbers of one run. */
export function summarize(run: Run): RunSummary {
  const { action, duration } = run.faults.columns;
  let zeroed = 0;
  let raced = 0;
  let stalled = 0;
  for (let row = 0; row < run.faults.rows; row++) {
    if (action.values[row] === ZERO) zeroed++;
    else if (action.values[row] === RACED) raced++;
    stalled += duration.values[row]!;
  }
  const copied = run.faults.rows - zeroed - raced;
  let prefetched = 0;
  let prefetchRead = 0;
  const prefetch = run.prefetches.columns;
  prefetch.pages.values.forEach((pages, row) => {
    prefetched += pages;
    if (prefetch.action.values[row] !== ZERO) prefetchRead += pages;
  });
  const served = duration.values.slice().sort();
  const firstResponse = firstResponseOf(run) ?? -1;
  const resumed = resumedAt(run);
  return {
    name: run.name,
    faults: run.faults.rows,
    unrecorded: run.unrecorded,
    copied,
    zeroed,
    raced,
    prefetched,
    bytes: (copied + zeroed + prefetched) * PAGE_BYTES,
    bytesRead: (copied + prefetchRead) * PAGE_BYTES,
    stalled,
    servedMedian: quantile(served, 0.5),
    served99: quantile(served, 0.99),
    firstResponse,
    resumeToFirstResponse:
      firstResponse < 0 || resumed === undefined ? -1 : firstResponse - resumed,
  };
}

/** End of the first probe that was answered well, nanoseconds from the start of the run. */
export function firstResponseOf(run: Run): number | undefined {
  const { ticks, duration, status } = run.probes.columns;
  for (let row = 0; row < run.probes.rows; row++) {
    const code = status.values[row]!;
    if (code >= 200 && code < 400) return ticks.values[row]! + duration.values[row]!;
  }
  const phases = run.phases.columns;
  const row = phases.phase.values.indexOf('first-response');
  return row < 0 ? undefined : phases.ticks.values[row]! + phases.duration.values[row]!;
}

/** When the machine ran again: the end of the phase `resume`. */
function resumedAt(run: Run): number | undefined {
  const { phase, ticks, duration } = run.phases.columns;
  const row = phase.values.indexOf('resume');
  return row < 0 ? undefined : ticks.values[row]! + duration.values[row]!;
}

/** A value that the share `q` of the sorted values does not exceed; 0 of none. */
function quantile(sorted: Float64Array, q: number): number {
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0;
}

/** One row per run. */
export type SummaryTable = Table<{ name: Column<readonly string[]> } & NumberColumns>;
type NumberColumns = { [N in Exclude<keyof RunSummary, 'name'>]: Column<Float64Array> };

/** Runs side by side, one row each. */
export function summaryTable(runs: readonly Run[]): SummaryTable {
  const rows = runs.map(summarize);
  const of = (label: string, unit: 'count' | 'pages' | 'bytes' | 'ns', name: keyof NumberColumns) =>
    column(
      label,
      unit,
      Float64Array.from(rows, (row) => row[name]),
    );
  return table('Runs', {
    name: column(
      'Run',
      'text',
      rows.map((row) => row.name),
    ),
    faults: of('Faults', 'count', 'faults'),
    unrecorded: of('Not Recorded', 'count', 'unrecorded'),
    copied: of('Copied', 'pages', 'copied'),
    zeroed: of('Zeroed', 'pages', 'zeroed'),
    raced: of('Raced', 'pages', 'raced'),
    prefetched: of('Prefetched', 'pages', 'prefetched'),
    bytes: of('Brought In', 'bytes', 'bytes'),
    bytesRead: of('Read from the Snapshot', 'bytes', 'bytesRead'),
    stalled: of('Stalled', 'ns', 'stalled'),
    servedMedian: of('Served (p50)', 'ns', 'servedMedian'),
    served99: of('Served (p99)', 'ns', 'served99'),
    firstResponse: of('First Response', 'ns', 'firstResponse'),
    resumeToFirstResponse: of('Resume to First Response', 'ns', 'resumeToFirstResponse'),
  });
}

/** How two runs differ, by class of owner. */
export type ComparisonTable = Table<{
  owner: Column<readonly string[]>;
  faultsBefore: Column<Float64Array>;
  faultsAfter: Column<Float64Array>;
  stalledBefore: Column<Float64Array>;
  stalledAfter: Column<Float64Array>;
  bytesBefore: Column<Float64Array>;
  bytesAfter: Column<Float64Array>;
  /** Faults after over faults before; NaN where there were none before. */
  ratio: Column<Float64Array>;
}>;

/** Two runs crossed by class of owner; classes that neither has are left out. The last row is the sum. */
export function compareRuns(before: Run, after: Run): ComparisonTable {
  const [a, b] = [ownersOfFaults(before).columns, ownersOfFaults(after).columns];
  const names = OWNER_CLASSES.filter(
    (name) => a.owner.values.includes(name) || b.owner.values.includes(name),
  );
  const pick = (from: typeof a, field: 'faults' | 'stalled' | 'bytes') => {
    const values = names.map((name) => from[field].values[from.owner.values.indexOf(name)] ?? 0);
    return Float64Array.from([...values, values.reduce((sum, value) => sum + value, 0)]);
  };
  const faultsBefore = pick(a, 'faults');
  const faultsAfter = pick(b, 'faults');
  const ratio = faultsBefore.map((n, i) => (n === 0 ? Number.NaN : faultsAfter[i]! / n));
  return table(`${before.name} and ${after.name}`, {
    owner: column('Owner', 'text', [...names, 'all']),
    faultsBefore: column('Faults Before', 'count', faultsBefore),
    faultsAfter: column('Faults After', 'count', faultsAfter),
    stalledBefore: column('Stalled Before', 'ns', pick(a, 'stalled')),
    stalledAfter: column('Stalled After', 'ns', pick(b, 'stalled')),
    bytesBefore: column('Bytes Before', 'bytes', pick(a, 'bytes')),
    bytesAfter: column('Bytes After', 'bytes', pick(b, 'bytes')),
    ratio: column('Faults After / Before', 'ratio', ratio),
  });
}
