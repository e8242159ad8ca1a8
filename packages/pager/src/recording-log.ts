// SPDX-License-Identifier: Apache-2.0
import { hostname } from 'node:os';
import { ClockAnchor, PageFault, PagerSummary, PagesRemoved, Prefetch } from '@rekindle/events';
import {
  clockPair,
  configureRecorder,
  type EventHandle,
  eventHandle,
  Recording,
} from '@rekindle/recorder';
import type { FaultLog, PagerTotals } from './fault-log.ts';
import { partsDirectory } from './rescue-recording.ts';

// Keys of rekindle.types.FaultAction start with 1, ACTION with 0.
const KEY = 1;

/** Commits everything as rekindle's own events into a recording of this process. */
export class RecordingLog implements FaultLog {
  readonly #recording: Recording;
  readonly #fault: EventHandle<typeof PageFault> = eventHandle(PageFault);
  readonly #prefetch: EventHandle<typeof Prefetch> = eventHandle(Prefetch);
  readonly #removed: EventHandle<typeof PagesRemoved> = eventHandle(PagesRemoved);
  readonly #summary: EventHandle<typeof PagerSummary> = eventHandle(PagerSummary);
  readonly #source: string;

  /**
   * Starts recording.
   * @param path where the recording goes when the log is closed
   * @param source what prefetched pages come from, for the events
   */
  constructor(path: string, source: string) {
    this.#source = source;
    // Beside the recording, where a supervisor finds it should this process die.
    configureRecorder({ repository: partsDirectory(path) });
    this.#recording = new Recording({ name: 'pager', destination: path }).start();
    const { ticks, epochNanos } = clockPair();
    eventHandle(ClockAnchor).commit(
      ticks,
      `pager on ${hostname()}`,
      Number(epochNanos / 1_000_000n),
      ticks,
    );
  }

  fault(
    start: number,
    duration: number,
    guestPhysical: number,
    hostVirtual: number,
    write: boolean,
    action: number,
    thread: number,
    region: number,
  ): void {
    this.#fault.commit(
      start,
      duration,
      guestPhysical,
      hostVirtual,
      write,
      action + KEY,
      thread,
      region,
    );
  }

  prefetch(
    start: number,
    duration: number,
    guestPhysical: number,
    pages: number,
    bytes: number,
    action: number,
  ): void {
    this.#prefetch.commit(start, duration, guestPhysical, pages, bytes, action + KEY, this.#source);
  }

  removed(time: number, guestPhysical: number, bytes: number): void {
    this.#removed.commit(time, guestPhysical, bytes);
  }

  summary(time: number, totals: PagerTotals): void {
    const { faults, copied, zeroed, prefetched, wasted, removed, stalled } = totals;
    this.#summary.commit(time, faults, copied, zeroed, prefetched, wasted, removed, stalled);
  }

  async close(): Promise<void> {
    if (this.#recording.state === 'running') this.#recording.stop();
    this.#recording.close();
  }
}
