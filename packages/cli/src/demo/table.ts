// SPDX-License-Identifier: Apache-2.0
// The demo's result: what a cold start cost and what a restore costs, and whose pages came back. What the
// restores did is read from their recordings, as anybody's report would, not from the program that ran them.
import { loadRun, ownersOfFaults, type RunSummary, summarize, toObjects } from '@rekindle/analysis';
import { openFileSource } from '@rekindle/bytes/node';
import { openRecording } from '@rekindle/jfr';
import { OWNER_CLASSES } from '@rekindle/memory';
import { formatBytes, formatMillis, printTable } from '../output.ts';
import type { JourneyResult, RestoreResult } from './journey.ts';

const count = (value: number): string => value.toLocaleString('en-US');

interface OwnerFigures {
  readonly owner: string;
  /** Pages. */
  readonly resident: number;
  readonly faults: number;
}

interface RestoreFigures extends RunSummary {
  /** From the call to the first correct answer: pager and VMM started, state loaded. */
  readonly totalMs: number;
  /** From resume to the first correct answer. */
  readonly firstAnswerMs: number;
  /** What the prefetch took before the resume. */
  readonly prefetchMs: number;
  readonly owners: readonly OwnerFigures[];
}

async function figuresOf({ recording, timings }: RestoreResult): Promise<RestoreFigures> {
  const source = openFileSource(recording);
  try {
    const run = await loadRun(await openRecording(source), { name: recording });
    const durations = run.prefetches.columns.duration.values;
    return {
      ...summarize(run),
      totalMs: timings.totalMs,
      firstAnswerMs: timings.firstAnswerMs ?? Number.NaN,
      prefetchMs: durations.reduce((sum, each) => sum + each, 0) / 1e6,
      owners: toObjects(ownersOfFaults(run)) as unknown as OwnerFigures[],
    };
  } finally {
    source.close();
  }
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
  const { memory, state } = result.snapshot.manifest.files;
  return {
    engine: result.engine,
    accelerator: result.accelerator,
    reason: result.reason,
    java: result.java,
    kernel: result.kernel,
    coldStartMs: result.coldStartMs,
    snapshotMs: result.snapshot.timings.totalMs,
    memoryBytes: memory.bytes,
    dataBytes: memory.dataBytes,
    stateBytes: state.bytes,
    onDemand: await figuresOf(result.onDemand),
    prefetched: await figuresOf(result.prefetched),
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
  printTable(
    ['', 'cold start', 'restore on demand', 'restore prefetched'],
    [
      [
        'first correct answer after start',
        formatMillis(figures.coldStartMs),
        ...both((r) => formatMillis(r.totalMs)),
      ],
      ['first correct answer after resume', '', ...both((r) => formatMillis(r.firstAnswerMs))],
      ['page faults', '', ...both((r) => count(r.faults))],
      ['  copied from the snapshot', '', ...both((r) => count(r.copied))],
      ['  zeroed', '', ...both((r) => count(r.zeroed))],
      ['guest stalled by faults', '', ...both((r) => formatMillis(r.stalled / 1e6))],
      ['pages prefetched', '', ...both((r) => count(r.prefetched))],
      ['  in', '', ...both((r) => (r.prefetched > 0 ? formatMillis(r.prefetchMs) : ''))],
      ['bytes read from the snapshot', '', ...both((r) => formatBytes(r.bytesRead))],
    ],
    [1, 2, 3],
  );
  line('');
  const of = ({ owners }: RestoreFigures, name: string): OwnerFigures | undefined =>
    owners.find(({ owner }) => owner === name);
  printTable(
    ['whose pages', 'in the snapshot', 'faulted on demand', 'faulted after prefetch'],
    OWNER_CLASSES.map((name) => [
      name,
      count(of(onDemand, name)?.resident ?? 0),
      count(of(onDemand, name)?.faults ?? 0),
      count(of(prefetched, name)?.faults ?? 0),
    ]).filter(([, ...numbers]) => numbers.some((number) => number !== '0')),
    [1, 2, 3],
  );
}
