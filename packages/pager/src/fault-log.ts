// SPDX-License-Identifier: Apache-2.0
import { PagerError } from './pager-error.ts';

/** How a fault was answered; the keys of `rekindle.types.FaultAction`, less one. */
export const ACTION = { copy: 0, zero: 1, raced: 2 } as const;

/** Totals of one VM. Times are nanoseconds. */
export interface PagerTotals {
  readonly faults: number;
  /** Pages copied, zeroed and found present on demand. */
  readonly copied: number;
  readonly zeroed: number;
  readonly raced: number;
  /** Of the copied and the prefetched ones: those whose memory other clones share. */
  readonly shared: number;
  /** Pages installed ahead of demand (copied or zeroed). */
  readonly prefetched: number;
  /** Prefetched pages that nobody touched; -1: not known. */
  readonly wasted: number;
  /** Bytes given back by the guest. */
  readonly removed: number;
  /** Time from reading a fault to having answered it, summed. */
  readonly stalled: number;
}

/**
 * Where the pager tells what it does. The calls for faults come on the fault path: positional
 * numbers only, no allocation expected. All times are nanoseconds of CLOCK_MONOTONIC, addresses bytes,
 * `action` one of {@link ACTION}.
 */
export interface FaultLog {
  fault(
    start: number,
    duration: number,
    guestPhysical: number,
    hostVirtual: number,
    write: boolean,
    action: number,
    thread: number,
    region: number,
  ): void;
  prefetch(
    start: number,
    duration: number,
    guestPhysical: number,
    pages: number,
    bytes: number,
    action: number,
  ): void;
  removed(time: number, guestPhysical: number, bytes: number): void;
  summary(time: number, totals: PagerTotals): void;
  /** Everything logged is on disk when this resolves. */
  close(): Promise<void>;
}

/** What a log says at its end that could not all be written: a disk that is full ends a log, never a VM. */
export const brokenLog = (path: string, { message }: Error): PagerError =>
  new PagerError(
    'RECORDING',
    `it breaks off: ${message}`,
    path,
    'is the disk full? the VM was served to its end',
  );

/** Logs nothing. */
export class SilentLog implements FaultLog {
  fault(): void {}
  prefetch(): void {}
  removed(): void {}
  summary(): void {}
  async close(): Promise<void> {}
}

/** Tells several logs. */
export class LogSplitter implements FaultLog {
  readonly #logs: readonly FaultLog[];

  constructor(logs: readonly FaultLog[]) {
    this.#logs = logs;
  }

  fault(...event: Parameters<FaultLog['fault']>): void {
    for (const log of this.#logs) log.fault(...event);
  }

  prefetch(...event: Parameters<FaultLog['prefetch']>): void {
    for (const log of this.#logs) log.prefetch(...event);
  }

  removed(...event: Parameters<FaultLog['removed']>): void {
    for (const log of this.#logs) log.removed(...event);
  }

  summary(...event: Parameters<FaultLog['summary']>): void {
    for (const log of this.#logs) log.summary(...event);
  }

  async close(): Promise<void> {
    const ends = await Promise.allSettled(this.#logs.map((log) => log.close()));
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }
}
