// SPDX-License-Identifier: Apache-2.0
import {
  EventDescriptor,
  errnoName,
  type FaultEngineFunctions,
  loadWord64,
  type Mapping,
  mapAnonymous,
  storeWord64,
} from '@rekindle/linux';
import { COUNTERS, type Counters } from './counters.ts';
import {
  DOOR_CLOSED,
  ENGINE,
  ENGINE_STATE,
  FAILURE,
  RECORD_BYTES,
  REGION_BYTES,
} from './engine-layout.ts';
import { type FaultLog, SilentLog } from './fault-log.ts';
import type { GuestRange } from './guest-layout.ts';
import type { HandshakeRegion } from './handshake.ts';
import type { Ledger } from './ledger.ts';
import { eventError, outsideError } from './loop-errors.ts';
import { hex, PagerError } from './pager-error.ts';
import type { PrefetchUnits } from './prefetch-units.ts';
import { RecordRing } from './record-ring.ts';
import type { SharedPages } from './shared-pages.ts';

/** What the engine works on. Addresses are in this process. */
export interface EngineParts {
  readonly uffd: number;
  readonly pageSize: number;
  readonly regions: readonly HandshakeRegion[];
  readonly layout: readonly GuestRange[];
  /** Address of the memory's content. */
  readonly source: number;
  /** Address of a u32 per page: which page of the content it has; 0: the one of its own number. */
  readonly index: number;
  /** Asks for the content of a page that is not ready; {@link NativeEngine.retry} when it is. */
  readonly want: ((page: number) => void) | undefined;
  /** Address of a page of zeroes where ZEROPAGE does not work, else 0. */
  readonly zeroPage: number;
  /** Memory that clones share, where the VMM maps it. */
  readonly shared: SharedPages | undefined;
  readonly ledger: Ledger;
  readonly log: FaultLog;
}

/** Why the engine came to its end. */
export type EngineEnd = 'peer-gone' | 'stopped';

// 64 Ki records of 64 bytes: a third of a second at 200,000 faults per second.
const RING_RECORDS = 65536;
/** Where nothing is recorded, for what the engine asks for: no more faults can wait at once. */
const SILENT_RECORDS = 4096;
/** So many pages are installed without going back to the event loop: some 20 ms. */
const MOST_BLOCKING = 32_768;
/** How often we look whether there are records to take, milliseconds. */
const COLLECT_MILLIS = 50;
/** So long they are left where they are while more keep coming, milliseconds; the recorder writes once a second. */
const MOST_DELAY = 500;

/** The native fault loop of one VM: serves in threads of its own, while the event loop stays free. */
export class NativeEngine {
  readonly #functions: FaultEngineFunctions;
  readonly #log: FaultLog;
  readonly #memory: Mapping;
  readonly #address: number;
  readonly #words: Uint32Array;
  readonly #records: RecordRing;
  readonly #ringRecords: number;
  readonly #control = new EventDescriptor();
  readonly #notify = new EventDescriptor();
  #counters: Counters;
  readonly #want: ((page: number) => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #ended: { resolve: (end: EngineEnd) => void; reject: (error: Error) => void } | undefined;
  #prefetched: (() => void) | undefined;
  #collected = performance.now();
  #seenHead = 0;
  #running = false;
  #closed = false;
  #lost = 0;

  constructor(functions: FaultEngineFunctions, parts: EngineParts) {
    this.#functions = functions;
    this.#log = parts.log;
    const { ledger } = parts;
    const tables = (parts.regions.length + parts.layout.length) * REGION_BYTES;
    const silent = parts.log instanceof SilentLog;
    this.#ringRecords = silent ? SILENT_RECORDS : RING_RECORDS;
    const ring = this.#ringRecords * RECORD_BYTES;
    const place = { tables: ring };
    this.#memory = mapAnonymous(ring + tables);
    // Or else the fault loop would take faults of its own while it writes records.
    this.#memory.populate();
    this.#address = ledger.engine;
    this.#words = ledger.engineWords;
    this.#counters = ledger.counters;
    // All but the counters is new for every pager.
    this.#words.fill(0, 0, ENGINE.counters / 4);
    this.#words.fill(0, ENGINE.counters / 4 + 2 * COUNTERS);
    this.#records = new RecordRing(this.#memory.bytes(0, ring));
    const table = new Uint32Array(this.#memory.bytes(place.tables, tables));
    let at = 0;
    const row = (...values: number[]): void => {
      for (const value of values) {
        storeWord64(table, at, value);
        at += 2;
      }
    };
    for (const { hostVirtual, size, offset } of parts.regions) row(hostVirtual, size, offset);
    for (const { guestPhysical, bytes, fileOffset } of parts.layout) {
      row(guestPhysical, bytes, fileOffset);
    }
    this.#words.set([parts.uffd, this.#control.fd, this.#notify.fd]);
    this.#store(ENGINE.pageSize, parts.pageSize);
    this.#store(ENGINE.source, parts.source);
    this.#store(ENGINE.zeroPage, parts.zeroPage);
    this.#store(ENGINE.index, parts.index);
    this.#words[ENGINE.lazy / 4] = parts.want === undefined ? 0 : 1;
    this.#want = parts.want;
    this.#store(ENGINE.pool, parts.shared?.address ?? 0);
    this.#words[ENGINE.poolUffd / 4] = parts.shared?.uffd ?? 0;
    this.#store(ENGINE.states, ledger.statesAddress);
    this.#store(ENGINE.regions, this.#memory.address + place.tables);
    this.#store(ENGINE.regionCount, parts.regions.length);
    this.#store(
      ENGINE.ranges,
      this.#memory.address + place.tables + parts.regions.length * REGION_BYTES,
    );
    this.#store(ENGINE.rangeCount, parts.layout.length);
    this.#store(ENGINE.ring, this.#memory.address);
    this.#store(ENGINE.ringRecords, this.#ringRecords);
    this.#words[ENGINE.silent / 4] = silent ? 1 : 0;
    this.#store(ENGINE.messages, ledger.messages.address);
  }

  #store(offset: number, value: number): void {
    storeWord64(this.#words, offset / 4, value);
  }

  #load(offset: number): number {
    return Atomics.load(this.#words, offset / 4);
  }

  /** Totals so far, see COUNTER. */
  get counters(): Counters {
    return this.#counters;
  }

  /** Events that found the ring full, and are in no log. */
  get lost(): number {
    return this.#lost;
  }

  /** Starts serving. The promise settles when the VM is gone, when stopped, or on a failure. */
  start(): Promise<EngineEnd> {
    const ended = new Promise<EngineEnd>((resolve, reject) => {
      this.#ended = { resolve, reject };
    });
    this.#notify.watch(() => this.#hear());
    this.#timer = setInterval(() => this.#look(), COLLECT_MILLIS);
    this.#refuse(this.#functions.start(this.#address), 'starting the fault loop');
    this.#running = true;
    return ended;
  }

  #refuse(error: number, what: string): void {
    if (error !== 0) throw new PagerError('FAULT_FAILED', `${what}: ${errnoName(error)}`);
  }

  /**
   * Installs runs ahead of demand; one call at a time. Resolves when done or when the VM has gone. Where the thread
   * may block, few pages are installed at once, for milliseconds; faults are served meanwhile.
   */
  async prefetch(units: PrefetchUnits, workers: number, mayBlock: boolean): Promise<void> {
    const { memory, count } = units;
    if (count === 0 || this.#load(ENGINE.state) !== ENGINE_STATE.serving) return;
    this.#store(ENGINE.units, memory.address);
    this.#words[ENGINE.lastUnit / 4] = count;
    if (mayBlock && units.pages <= MOST_BLOCKING) {
      this.#functions.install(this.#address, Math.min(workers, count));
      return;
    }
    const finished = new Promise<void>((resolve) => {
      this.#prefetched = resolve;
    });
    this.#refuse(
      this.#functions.prefetch(this.#address, Math.min(workers, count)),
      'starting a prefetch worker',
    );
    await finished;
  }

  /** The engine has something to tell. */
  #hear(): void {
    this.collect();
    if (this.#load(ENGINE.door) === DOOR_CLOSED) {
      this.#prefetched?.();
      this.#prefetched = undefined;
    }
    const state = this.#load(ENGINE.state);
    if (state === ENGINE_STATE.serving) return;
    if (state === ENGINE_STATE.failed) this.#ended?.reject(this.#failure());
    else this.#ended?.resolve(state === ENGINE_STATE.peerGone ? 'peer-gone' : 'stopped');
    this.#ended = undefined;
  }

  /**
   * Takes records in a pause between faults. Work of ours during them costs a fault twice its time where
   * processors are few: a vCPU, the fault loop and we are three.
   */
  #look(): void {
    const head = this.#load(ENGINE.head);
    const busy = head !== this.#seenHead;
    this.#seenHead = head;
    const waiting = (head - this.#words[ENGINE.tail / 4]!) >>> 0;
    const late = performance.now() - this.#collected > MOST_DELAY;
    if (busy && !late && waiting < this.#ringRecords / 4) return;
    this.collect();
  }

  /** Passes what was recorded on to the log. */
  collect(): void {
    const head = this.#load(ENGINE.head);
    const tail = this.#words[ENGINE.tail / 4]!;
    this.#records.take(tail, head, this.#log, this.#want);
    Atomics.store(this.#words, ENGINE.tail / 4, head);
    this.#collected = performance.now();
  }

  #failure(): PagerError {
    const error = errnoName(this.#load(ENGINE.error));
    const place = hex(loadWord64(this.#words, ENGINE.place / 4));
    switch (this.#load(ENGINE.failure)) {
      case FAILURE.read:
        return new PagerError('FAULT_FAILED', `read: ${error}`, 'userfaultfd');
      case FAILURE.poll:
        return new PagerError('FAULT_FAILED', `poll: ${error}`, 'userfaultfd');
      case FAILURE.outside:
        return outsideError(place);
      case FAILURE.install:
        return new PagerError('FAULT_FAILED', `installing a page: ${error}`, place);
      default:
        return eventError(this.#load(ENGINE.error));
    }
  }

  /** Content has become ready: faults that wait for some are looked at again. */
  retry(): void {
    if (this.#running) this.#functions.rouse(this.#address);
  }

  /** The content of a page cannot be had: the engine ends with this error. */
  abandon(error: Error): void {
    this.#ended?.reject(error);
    this.#ended = undefined;
    this.stop();
  }

  /** Ends the loop; the VMM's faults are no longer served. */
  stop(): void {
    if (!this.#running) return;
    Atomics.store(this.#words, ENGINE.stop / 4, 1);
    this.#functions.rouse(this.#address);
  }

  /** Gives everything back. Workers and the loop have ended or end now; every event is in the log. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    this.stop();
    // Blocks for the time of one service at most: the loop has been roused.
    if (this.#running) this.#functions.join(this.#address);
    this.#running = false;
    while (this.#load(ENGINE.workers) !== 0) await new Promise((resolve) => setImmediate(resolve));
    this.collect();
    this.#prefetched?.();
    this.#control.close();
    this.#notify.close();
    this.#lost = this.#load(ENGINE.lost);
    this.#counters = this.#counters.slice();
    this.#memory.unmap();
  }
}
