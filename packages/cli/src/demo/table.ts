// SPDX-License-Identifier: Apache-2.0
// The demo's result: what a cold start cost and what a restore costs, and whose pages came back. Times and
// counts of the restores are read from their recordings, not from the program that ran them.

import { loadRun, type Run } from '@rekindle/analysis';
import { openFileSource } from '@rekindle/bytes/node';
import { openRecording } from '@rekindle/jfr';
import { attributeFaults, type FaultRow, type GuestMemory, OWNER_CLASSES } from '@rekindle/memory';
import { formatBytes, formatMillis, printTable } from '../output.ts';
import type { JourneyResult, RestoreResult } from './journey.ts';

const PAGE = 4096;
const count = (value: number): string => value.toLocaleString('en-US');

export interface RestoreFigures {
  /** From resume to the first correct answer. */
  readonly firstAnswerMs: number;
  /** From the call to the first correct answer: pager and VMM started, state loaded. */
  readonly totalMs: number;
  readonly faults: number;
  readonly copied: number;
  readonly zeroed: number;
  readonly prefetched: number;
  readonly prefetchMs: number;
  readonly bytes: number;
  readonly stalledMs: number;
  readonly owners: readonly FaultRow[];
}

export function figuresOf(result: RestoreResult, run: Run, memory: GuestMemory): RestoreFigures {
  const { faults, prefetches } = run;
  const action = faults.columns.action.values;
  const copied = action.filter((code) => code === 0).length;
  const zeroed = action.filter((code) => code === 1).length;
  const pages = prefetches.columns.pages.values;
  const prefetched = pages.reduce((sum, each) => sum + each, 0);
  const prefetchCopied = pages.reduce(
    (sum, each, row) => sum + (prefetches.columns.action.values[row] === 0 ? each : 0),
    0,
  );
  const stalled = faults.columns.duration.values.reduce((sum, each) => sum + each, 0);
  return {
    firstAnswerMs: result.timings.firstAnswerMs ?? Number.NaN,
    totalMs: result.timings.totalMs,
    faults: faults.rows,
    copied,
    zeroed,
    prefetched,
    prefetchMs: prefetches.columns.duration.values.reduce((sum, each) => sum + each, 0) / 1e6,
    bytes: (copied + prefetchCopied) * PAGE,
    stalledMs: stalled / 1e6,
    owners: attributeFaults(memory, { guestPhysical: faults.columns.guestPhysical.values }).table,
  };
}

export interface DemoFigures {
  readonly engine: string;
  readonly accelerator: string;
  readonly reason: string;
  readonly java: string;
  readonly kernel: string;
  readonly coldStartMs: number;
  readonly snapshotMs: number;
  readonly memoryBytes: number;
  readonly dataBytes: number;
  readonly stateBytes: number;
  readonly onDemand: RestoreFigures;
  readonly prefetched: RestoreFigures;
}

export async function demoFigures(result: JourneyResult): Promise<DemoFigures> {
  const { memory: memoryFile, state } = result.snapshot.manifest.files;
  const figures = async (restore: RestoreResult): Promise<RestoreFigures> =>
    figuresOf(restore, await openRun(restore.recording), result.memory);
  return {
    engine: result.engine,
    accelerator: result.accelerator,
    reason: result.reason,
    java: result.java,
    kernel: result.kernel,
    coldStartMs: result.coldStartMs,
    snapshotMs: result.snapshot.timings.totalMs,
    memoryBytes: memoryFile.bytes,
    dataBytes: memoryFile.dataBytes,
    stateBytes: state.bytes,
    onDemand: await figures(result.onDemand),
    prefetched: await figures(result.prefetched),
  };
}

export function printDemo(figures: DemoFigures): void {
  const { onDemand, prefetched } = figures;
  const line = (text: string): boolean => process.stdout.write(`${text}\n`);
  line('');
  line(`engine    ${figures.engine}, accelerator ${figures.accelerator}: ${figures.reason}`);
  line(`guest     Linux ${figures.kernel}, ${figures.java}`);
  line(
    `snapshot  ${formatMillis(figures.snapshotMs)}; memory ${formatBytes(figures.dataBytes)} of data in ` +
      `${formatBytes(figures.memoryBytes)} (sparse), state ${formatBytes(figures.stateBytes)}`,
  );
  line('');
  const both = (show: (restore: RestoreFigures) => string): string[] => [
    show(onDemand),
    show(prefetched),
  ];
  const cold = formatMillis(figures.coldStartMs);
  printTable(
    ['', 'cold start', 'restore on demand', 'restore prefetched'],
    [
      ['first correct answer after start', cold, ...both((r) => formatMillis(r.totalMs))],
      ['first correct answer after resume', '', ...both((r) => formatMillis(r.firstAnswerMs))],
      ['page faults', '', ...both((r) => count(r.faults))],
      ['  copied from the snapshot', '', ...both((r) => count(r.copied))],
      ['  zeroed', '', ...both((r) => count(r.zeroed))],
      ['guest stalled by faults', '', ...both((r) => formatMillis(r.stalledMs))],
      ['pages prefetched', '', ...both((r) => count(r.prefetched))],
      ['  in', '', ...both((r) => (r.prefetched ? formatMillis(r.prefetchMs) : ''))],
      ['bytes read from the snapshot', '', ...both((r) => formatBytes(r.bytes))],
    ],
    [1, 2, 3],
  );
  line('');
  printTable(
    ['whose pages', 'in the snapshot', 'faulted on demand', 'faulted after prefetch'],
    OWNER_CLASSES.map((name, index) => ({
      name,
      resident: onDemand.owners[index]?.resident ?? 0,
      first: onDemand.owners[index]?.touched ?? 0,
      second: prefetched.owners[index]?.touched ?? 0,
    }))
      .filter(({ resident, first, second }) => resident + first + second > 0)
      .map((row) => [row.name, count(row.resident), count(row.first), count(row.second)]),
    [1, 2, 3],
  );
}

async function openRun(path: string): Promise<Run> {
  const source = openFileSource(path);
  try {
    return await loadRun(await openRecording(source), { name: path });
  } finally {
    source.close();
  }
}
