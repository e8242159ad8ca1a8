// SPDX-License-Identifier: Apache-2.0
// The recording of one VM. It is written here and not by the flight recorder of the process, which has one stream of
// events for all that happens in it: a pager may serve several VMs, each with a recording of its own. It also loads
// in a fraction of the recorder's time.
import { mkdirSync, renameSync, rmdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { ClockAnchor, PageFault, PagerSummary, PagesRemoved, Prefetch } from '@rekindle/events';
import {
  activeSettings,
  ChunkWriter,
  ConstantPools,
  compileEncoder,
  type EncodeEvent,
  type EventDeclaration,
  EventRegistry,
} from '@rekindle/jfr';
import { type FileSink, openFileSink } from '@rekindle/jfr/node';
import { clockPair, now } from './clock.ts';
import { ACTION, brokenLog, type FaultLog, type PagerTotals } from './fault-log.ts';
import { partsDirectory } from './rescue-recording.ts';

const ACTIONS = Object.keys(ACTION) as (keyof typeof ACTION)[];
const BUFFER = 256 * 1024;
/** How often what was recorded becomes visible, and safe from the death of this process. */
const FLUSH_MILLIS = 1000;

/** How many logs this process has opened: their files lie side by side where a VM is served by the same process again. */
let opened = 0;

/** Commits everything as rekindle's own events into a recording of one VM. */
export class RecordingLog implements FaultLog {
  readonly #path: string;
  /** Where it grows: beside the recording, where a supervisor finds it should this process die. */
  readonly #part: string;
  readonly #source: string;
  readonly #sink: FileSink;
  readonly #chunks: ChunkWriter;
  readonly #startTicks: number;
  readonly #buffer = new Uint8Array(BUFFER);
  readonly #timer: NodeJS.Timeout;
  readonly #fault: EncodeEvent<typeof PageFault>;
  readonly #prefetch: EncodeEvent<typeof Prefetch>;
  readonly #removed: EncodeEvent<typeof PagesRemoved>;
  readonly #summary: EncodeEvent<typeof PagerSummary>;
  #used = 0;
  /** Why nothing is recorded any more; the VM is served on. */
  #broken: Error | undefined;

  /**
   * Starts recording.
   * @param path where the recording goes when the log is closed
   * @param source what prefetched pages come from, for the events
   */
  constructor(path: string, source: string) {
    this.#path = path;
    this.#source = source;
    const directory = partsDirectory(path);
    mkdirSync(directory, { recursive: true });
    this.#part = join(directory, `${process.pid}-${opened++}.jfr`);
    this.#sink = openFileSink(this.#part);
    const registry = new EventRegistry();
    const encoder = <const D extends EventDeclaration>(event: D): EncodeEvent<D> =>
      compileEncoder(registry.register(event));
    this.#fault = encoder(PageFault);
    this.#prefetch = encoder(Prefetch);
    this.#removed = encoder(PagesRemoved);
    this.#summary = encoder(PagerSummary);
    const anchor = encoder(ClockAnchor);
    const { ticks, epochNanos } = clockPair();
    this.#startTicks = ticks;
    this.#chunks = new ChunkWriter(registry, new ConstantPools(registry));
    this.#chunks.begin(this.#sink, { startNanos: epochNanos, startTicks: ticks });
    this.#chunks.appendEvents(activeSettings(registry, ticks));
    const name = `pager on ${hostname()}`;
    this.#put((at) =>
      anchor(this.#buffer, at, BUFFER, ticks, name, Number(epochNanos / 1_000_000n), ticks),
    );
    this.#timer = setInterval(() => this.#flush(), FLUSH_MILLIS);
    // What is recorded is of a VM that is being served: that keeps the process alive.
    this.#timer.unref();
  }

  /** Puts one event into the buffer; `encode` gives its end, or -1 where it does not fit. */
  #put(encode: (at: number) => number): void {
    let end = encode(this.#used);
    if (end < 0) {
      this.#drain();
      end = encode(0);
    }
    this.#used = end;
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
    const name = ACTIONS[action]!;
    this.#put((at) =>
      this.#fault(
        this.#buffer,
        at,
        BUFFER,
        start,
        duration,
        guestPhysical,
        hostVirtual,
        write,
        name,
        thread,
        region,
      ),
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
    const [name, source] = [ACTIONS[action]!, this.#source];
    this.#put((at) =>
      this.#prefetch(
        this.#buffer,
        at,
        BUFFER,
        start,
        duration,
        guestPhysical,
        pages,
        bytes,
        name,
        source,
      ),
    );
  }

  removed(time: number, guestPhysical: number, bytes: number): void {
    this.#put((at) => this.#removed(this.#buffer, at, BUFFER, time, guestPhysical, bytes));
  }

  summary(time: number, totals: PagerTotals): void {
    const { faults, copied, zeroed, prefetched, wasted, removed, stalled } = totals;
    this.#put((at) =>
      this.#summary(
        this.#buffer,
        at,
        BUFFER,
        time,
        faults,
        copied,
        zeroed,
        prefetched,
        wasted,
        removed,
        stalled,
      ),
    );
  }

  #drain(): void {
    this.#write(() => this.#chunks.appendEvents(this.#buffer.subarray(0, this.#used)));
    this.#used = 0;
  }

  #flush(): void {
    if (this.#used > 0) this.#drain();
    this.#write(() => this.#chunks.flush(now()));
  }

  #write(write: () => void): void {
    if (this.#broken !== undefined) return;
    try {
      write();
    } catch (error) {
      this.#broken = error as Error;
    }
  }

  /** @throws PagerError RECORDING when it could not all be written; what was flushed before stays in the parts */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#used > 0) this.#drain();
    const durationNanos = BigInt(Math.max(1, now() - this.#startTicks));
    this.#write(() => this.#chunks.finish({ durationNanos, final: true }));
    this.#sink.close();
    if (this.#broken !== undefined) throw brokenLog(this.#path, this.#broken);
    renameSync(this.#part, this.#path);
    try {
      rmdirSync(partsDirectory(this.#path));
    } catch {
      // A predecessor left its part there, for the supervisor to join.
    }
  }
}
