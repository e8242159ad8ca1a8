// SPDX-License-Identifier: Apache-2.0
// The fault loop: poll, read, copy. It blocks its thread, allocates nothing per fault, and does
// nothing but serve and log. The rules it keeps (userfaultfd(2) and measurements):
//
// * All waiting events are read before any fault is served, so that a removal is known before a
//   fault of the same range; a fault may still overtake its removal, and then the removal's EAGAIN
//   keeps the stale content out until the removal has been read.
// * EAGAIN: an event waits to be read (or its reader has not run on yet). Drain, try again, and at the
//   latest a millisecond later.
// * EEXIST: somebody else installed the page. Whoever did may not have woken the thread, so we do.
// * A userfaultfd never tells that its process died. The socket does, or a pidfd.
import {
  ERRNO,
  errnoName,
  MESSAGES_PER_READ,
  POLL_ERROR,
  POLL_HANGUP,
  POLL_IN,
  POLL_INVALID,
  PollSet,
  UFFD_EVENT,
  type UserFaultFd,
} from '@rekindle/linux';
import { now } from './clock.ts';
import { COUNTER, type Counters } from './counters.ts';
import { ACTION, type FaultLog } from './fault-log.ts';
import { type GuestRange, guestPhysicalOf } from './guest-layout.ts';
import { eventError, outsideError, talkativeError } from './loop-errors.ts';
import type { MemorySource } from './memory-source.ts';
import { PAGE } from './page-states.ts';
import { hex, PagerError } from './pager-error.ts';
import type { RegionTable } from './region-table.ts';

/** What the loop works on. */
export interface LoopParts {
  readonly uffd: UserFaultFd;
  readonly table: RegionTable;
  readonly layout: readonly GuestRange[];
  readonly source: MemorySource;
  /** One byte per page, see {@link PAGE}. */
  readonly states: Uint8Array;
  readonly counters: Counters;
  readonly log: FaultLog;
  /** The VMM's socket, or -1. */
  readonly socket: number;
  /** Whether the readable socket is at its end (false: there are bytes). */
  readonly ended: () => boolean;
  /** The VMM's pidfd, or -1. */
  readonly process: number;
}

/** Something to do while nobody waits for a page. */
export interface BackgroundWork {
  /** Does a little. @returns false when there is nothing left to do */
  step(): boolean;
  /** A fault came in: be brief. */
  yielded(): void;
}

/** Why the loop came back. `turn`: the event loop may want to run; call again. */
export type LoopExit = 'peer-gone' | 'turn';

const PENDING = 4096;
const UFFD = 0;
const SOCKET = 1;
const PROCESS = 2;
const IDLE_MILLIS = 250;
const RETRY_MILLIS = 1;
const EAGER_RETRIES = 64;

export class FaultLoop {
  readonly #parts: LoopParts;
  readonly #pageSize: number;
  readonly #poll: PollSet;
  readonly #zeroPage: number;
  #socketOpen: boolean;
  #processAlive: boolean;
  #targetGone = false;

  // Faults that were read and wait for their page.
  readonly #address = new Float64Array(PENDING);
  readonly #since = new Float64Array(PENDING);
  readonly #thread = new Int32Array(PENDING);
  readonly #write = new Uint8Array(PENDING);
  #pending = 0;

  /** @param zeroPage address of one zeroed page, for page sizes that ZEROPAGE refuses; 0 if not needed */
  constructor(parts: LoopParts, zeroPage = 0) {
    this.#parts = parts;
    this.#pageSize = parts.table.pageSize;
    this.#zeroPage = zeroPage;
    this.#socketOpen = parts.socket >= 0;
    this.#processAlive = parts.process >= 0;
    this.#poll = new PollSet([parts.uffd.fd, parts.socket, parts.process]);
  }

  /**
   * Serves until the peer is gone or a signal or an idle second calls for a turn of the event loop.
   * @param background done in small steps, only while no fault waits
   */
  run(background?: BackgroundWork): LoopExit {
    const work = background;
    for (;;) {
      if (this.#gone()) return 'peer-gone';
      const busy = this.#pending > 0;
      const ready = this.#poll.wait(work !== undefined ? 0 : busy ? RETRY_MILLIS : IDLE_MILLIS);
      if (ready < 0) return 'turn';
      if (ready > 0) this.#dispatch();
      if (this.#pending > 0) {
        work?.yielded();
        this.#serve();
      } else if (work !== undefined && ready === 0) {
        if (!work.step()) return 'turn';
      } else if (ready === 0) {
        return 'turn';
      }
    }
  }

  #gone(): boolean {
    return this.#targetGone || (!this.#socketOpen && !this.#processAlive);
  }

  #dispatch(): void {
    if (this.#poll.events(UFFD) !== 0) this.drain();
    // The socket's end alone is not the VM's: Firecracker before 1.12 closed it after the handshake.
    const socket = this.#poll.events(SOCKET);
    if (
      (socket & (POLL_HANGUP | POLL_ERROR | POLL_INVALID)) !== 0 ||
      ((socket & POLL_IN) !== 0 && this.#parts.ended())
    ) {
      this.#socketOpen = false;
      this.#poll.replace(SOCKET, -1);
    } else if ((socket & POLL_IN) !== 0) {
      throw talkativeError();
    }
    if (this.#poll.events(PROCESS) !== 0) {
      this.#processAlive = false;
      this.#poll.replace(PROCESS, -1);
    }
  }

  /** Reads every waiting event. @returns whether there was any */
  drain(): boolean {
    const { uffd } = this.#parts;
    let any = false;
    // A full queue of faults: those first. Their threads wait, so no more than that can be lost.
    while (this.#pending + MESSAGES_PER_READ <= PENDING) {
      const count = uffd.read();
      if (count < 0) {
        if (count === -ERRNO.EAGAIN || count === -ERRNO.EINTR) return any;
        throw new PagerError('FAULT_FAILED', `read: ${errnoName(-count)}`, 'userfaultfd');
      }
      any = true;
      const time = now();
      for (let index = 0; index < count; index++) this.#take(index, time);
      if (count < MESSAGES_PER_READ) return any;
    }
    return any;
  }

  #take(index: number, time: number): void {
    const { uffd } = this.#parts;
    const event = uffd.event(index);
    if (event === UFFD_EVENT.pageFault) {
      const slot = this.#pending++;
      const address = uffd.address(index);
      this.#address[slot] = address - (address % this.#pageSize);
      this.#since[slot] = time;
      this.#thread[slot] = uffd.thread(index);
      this.#write[slot] = uffd.isWrite(index) ? 1 : 0;
    } else if (event === UFFD_EVENT.remove || event === UFFD_EVENT.unmap) {
      this.#remove(uffd.rangeStart(index), uffd.rangeEnd(index), time);
    } else {
      throw eventError(event);
    }
  }

  /** Marks [start, end) of the VMM's address space as zeroes. */
  #remove(start: number, end: number, time: number): void {
    const { table, states, layout, counters, log } = this.#parts;
    let at = start;
    while (at < end) {
      const index = table.find(at);
      if (index < 0) return;
      const region = table.regions[index]!;
      const stop = Math.min(end, region.hostVirtual + region.size);
      const offset = region.offset + (at - region.hostVirtual);
      const first = Math.floor(offset / this.#pageSize);
      const last = Math.ceil((offset + (stop - at)) / this.#pageSize);
      for (let page = first; page < last; page++) {
        states[page] = (states[page]! | PAGE.removed) & ~PAGE.installed;
      }
      counters[COUNTER.removed]! += stop - at;
      log.removed(time, guestPhysicalOf(layout, offset), stop - at);
      at = stop;
    }
  }

  /** Answers the waiting faults; those that must wait for an event stay. */
  #serve(): void {
    for (let attempt = 0; attempt < EAGER_RETRIES; attempt++) {
      let kept = 0;
      const count = this.#pending;
      for (let slot = 0; slot < count; slot++) {
        if (this.#targetGone || this.#answer(slot)) continue;
        this.#address[kept] = this.#address[slot]!;
        this.#since[kept] = this.#since[slot]!;
        this.#thread[kept] = this.#thread[slot]!;
        this.#write[kept] = this.#write[slot]!;
        kept++;
      }
      this.#pending = kept;
      if (kept === 0) return;
      this.#parts.counters[COUNTER.deferred]! += kept;
      this.drain();
    }
  }

  /** @returns false when the fault has to wait for an event to be read */
  #answer(slot: number): boolean {
    const { uffd, table, source, states, counters, layout, log } = this.#parts;
    const address = this.#address[slot]!;
    const index = table.find(address);
    if (index < 0) throw outsideError(hex(address));
    const region = table.regions[index]!;
    const pageSize = this.#pageSize;
    const offset = region.offset + (address - region.hostVirtual);
    const page = offset / pageSize;
    const state = states[page]!;
    const zero = (state & (PAGE.zero | PAGE.removed)) !== 0 || source.isZero(offset, pageSize);
    let action: number = zero ? ACTION.zero : ACTION.copy;
    const result = !zero
      ? uffd.copy(address, source.address(offset, pageSize), pageSize, true)
      : this.#zeroPage === 0
        ? uffd.zero(address, pageSize, true)
        : uffd.copy(address, this.#zeroPage, pageSize, true);
    if (result !== pageSize) {
      if (result === -ERRNO.EAGAIN) return false;
      if (result === -ERRNO.EEXIST) {
        uffd.wake(address, pageSize);
        action = ACTION.raced;
      } else if (result === -ERRNO.ENOENT) {
        // Unmapped or unregistered in the meantime: let the thread find out for itself.
        uffd.wake(address, pageSize);
        return true;
      } else if (result === -ERRNO.ESRCH) {
        this.#targetGone = true;
        return true;
      } else {
        throw new PagerError(
          'FAULT_FAILED',
          `installing a page: ${result < 0 ? errnoName(-result) : `${result} bytes`}`,
          hex(address),
        );
      }
    }
    states[page] = state | PAGE.installed | PAGE.faulted;
    const since = this.#since[slot]!;
    const duration = now() - since;
    counters[COUNTER.faults]!++;
    counters[COUNTER.copied + action]!++;
    counters[COUNTER.stalled]! += duration;
    log.fault(
      since,
      duration,
      guestPhysicalOf(layout, offset),
      address,
      this.#write[slot] === 1,
      action,
      this.#thread[slot]!,
      index,
    );
    return true;
  }
}
