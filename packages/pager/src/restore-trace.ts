// SPDX-License-Identifier: Apache-2.0
import { openFileSource } from '@rekindle/bytes/node';
import { openRecording } from '@rekindle/jfr';
import type { GuestRange } from './guest-layout.ts';
import { PagerError } from './pager-error.ts';
import { type SettleOptions, settledFaults } from './settle.ts';
import { touchOrder } from './working-set-build.ts';

/** Which faults of a recording belong to the restore; `millis`: those so long after the first. */
export type Until = 'end' | 'first-response' | 'settled' | { readonly millis: number };

/** What a recording says about one restore. */
export interface RestoreTrace {
  readonly path: string;
  /** Pages of the memory file in the order of their first fault, up to where the restore was over. */
  readonly pages: readonly number[];
  /** How many of them were touched before the first answer; all, when the recording has no answer. */
  readonly beforeAnswer: number;
  /** Pages that were prefetched in that run: such a run tells less about what is needed. */
  readonly prefetched: number;
}

/**
 * Reads the faults of a restore from its recording.
 * @throws PagerError WORKING_SET_INVALID when it is no recording or holds no faults
 */
export async function readRestoreTrace(
  path: string,
  layout: readonly GuestRange[],
  options: { pageSize: number; until?: Until; settle?: SettleOptions },
): Promise<RestoreTrace> {
  const source = openRecordingFile(path);
  try {
    const recording = await openRecording(source);
    const faults = await recording.columns('rekindle.PageFault', ['startTime', 'guestPhysical']);
    if (faults.length === 0) throw unreadable(path, 'it holds no page faults of a restore');
    const times = Float64Array.from(faults.numbers('startTime'));
    const addresses = faults.numbers('guestPhysical');
    const order = Array.from(times.keys()).sort((a, b) => times[a]! - times[b]!);
    const answer = await firstAnswer(recording);
    const answered = order.filter((row) => times[row]! <= answer).length;
    const kept = count(order, times, answered, options);
    const pagesOf = (rows: number[]): number[] =>
      touchOrder(
        rows.map((row) => addresses[row]!),
        layout,
        options.pageSize,
      );
    const prefetches = await recording.columns('rekindle.Prefetch', ['pages']);
    const prefetched =
      prefetches.length === 0
        ? 0
        : Array.from(prefetches.numbers('pages')).reduce((sum, pages) => sum + pages, 0);
    return {
      path,
      pages: pagesOf(order.slice(0, kept)),
      beforeAnswer: pagesOf(order.slice(0, Math.min(answered, kept))).length,
      prefetched,
    };
  } catch (error) {
    if (error instanceof PagerError) throw error;
    throw unreadable(path, (error as Error).message);
  } finally {
    source.close();
  }
}

function openRecordingFile(path: string): ReturnType<typeof openFileSource> {
  try {
    return openFileSource(path);
  } catch (error) {
    throw unreadable(path, (error as Error).message);
  }
}

const unreadable = (path: string, message: string): PagerError =>
  new PagerError(
    'WORKING_SET_INVALID',
    message,
    path,
    'give recordings of restores on demand: rekindle restore --record',
  );

function count(
  order: readonly number[],
  times: Float64Array,
  answered: number,
  { until = 'end', settle }: { until?: Until; settle?: SettleOptions },
): number {
  if (until === 'first-response') return answered;
  if (until === 'end') return order.length;
  if (until !== 'settled') {
    const end = times[order[0]!]! + until.millis * 1e6;
    return order.filter((row) => times[row]! <= end).length;
  }
  return settledFaults(
    order.map((row) => times[row]!),
    settle,
  );
}

/** End of the first `first-response` phase, in the times of the columns; infinite when there is none. */
async function firstAnswer(recording: Awaited<ReturnType<typeof openRecording>>): Promise<number> {
  const phases = await recording.columns('rekindle.VmPhase', ['startTime', 'duration', 'phase']);
  let first = Number.POSITIVE_INFINITY;
  for (let row = 0; row < phases.length; row++) {
    if (phases.text('phase', row) !== 'first-response') continue;
    first = Math.min(first, phases.numbers('startTime')[row]! + phases.numbers('duration')[row]!);
  }
  return first;
}
