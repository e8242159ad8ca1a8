// SPDX-License-Identifier: Apache-2.0
import { ERRNO, errnoName } from '@rekindle/linux';
import { now } from './clock.ts';
import { COUNTER } from './counters.ts';
import { ACTION } from './fault-log.ts';
import type { BackgroundWork, LoopParts } from './fault-loop.ts';
import { guestPhysicalOf } from './guest-layout.ts';
import { PAGE } from './page-states.ts';
import { hex, PagerError } from './pager-error.ts';
import type { PageRun } from './working-set.ts';

/** A run of pages to install, and whether it is zero. */
export interface PrefetchRun extends PageRun {
  readonly zero: boolean;
}

// Pages per step. A fault that arrives during a step waits for its end: about 1.5 us per page copied.
const MOST = 512;
const LEAST = 16;

/**
 * Installs runs of pages ahead of demand, a step at a time, without waking anybody: a thread that
 * waits for one of the pages has its own fault in the queue, and the loop wakes it.
 */
export class Prefetcher implements BackgroundWork {
  readonly #parts: LoopParts;
  readonly #runs: readonly PrefetchRun[];
  readonly #zeroPage: number;
  readonly #mark: number;
  #run = 0;
  #within = 0;
  #budget = MOST;

  /**
   * @param zeroPage address of a page of zeroes where ZEROPAGE does not work, else 0
   * @param mark number of runs after which {@link step} asks for a turn once
   */
  constructor(
    parts: LoopParts,
    runs: readonly PrefetchRun[],
    zeroPage = 0,
    mark: number = runs.length,
  ) {
    this.#mark = mark;
    this.#parts = parts;
    this.#runs = runs;
    this.#zeroPage = zeroPage;
  }

  /** Runs completed so far. */
  get completed(): number {
    return this.#run;
  }

  get finished(): boolean {
    return this.#run >= this.#runs.length;
  }

  yielded(): void {
    this.#budget = LEAST;
  }

  step(): boolean {
    const limit = Math.max(1, Math.floor((this.#budget * 4096) / this.#parts.table.pageSize));
    let left = limit;
    const before = this.#run;
    const stop = before < this.#mark ? this.#mark : this.#runs.length;
    while (left > 0 && this.#run < stop) {
      const installed = this.#install(left);
      if (installed === 0) break; // an event waits to be read: let the loop do that
      left -= installed;
    }
    this.#budget = Math.min(MOST, this.#budget * 2);
    return this.#run < stop;
  }

  /** @returns pages dealt with, 0 when the loop must read events first */
  #install(limit: number): number {
    const { states, table, source } = this.#parts;
    const run = this.#runs[this.#run]!;
    const end = run.page + run.pages;
    let page = run.page + this.#within;
    // Present already, or removed by the guest: nothing to install (a removed page faults as zero).
    const skip = PAGE.installed | PAGE.removed;
    const from = page;
    while (page < end && (states[page]! & skip) !== 0) page++;
    if (page > from) return this.#advance(page - from);
    const zero = run.zero || (states[page]! & PAGE.zero) !== 0;
    let last = page;
    const most = Math.min(end, page + limit);
    while (
      last < most &&
      (states[last]! & skip) === 0 &&
      (run.zero || (states[last]! & PAGE.zero) !== 0) === zero
    ) {
      last++;
    }
    const { pageSize } = table;
    const offset = page * pageSize;
    const region = table.regions[table.findOffset(offset)]!;
    let length = Math.min(last * pageSize, region.offset + region.size) - offset;
    if (!zero) length = Math.max(pageSize, source.contiguous(offset, length));
    return this.#installRange(offset, region.hostVirtual + (offset - region.offset), length, zero);
  }

  #installRange(offset: number, address: number, length: number, zero: boolean): number {
    const { uffd, table, source, states, counters, layout, log } = this.#parts;
    const { pageSize } = table;
    const start = now();
    const viaCopy = !zero || this.#zeroPage !== 0;
    const bytes = zero && viaCopy ? pageSize : length;
    const result = viaCopy
      ? uffd.copy(address, zero ? this.#zeroPage : source.address(offset, bytes), bytes, false)
      : uffd.zero(address, bytes, false);
    const page = offset / pageSize;
    if (result > 0) {
      const pages = result / pageSize;
      for (let at = page; at < page + pages; at++) {
        states[at]! |= PAGE.installed | PAGE.prefetched;
      }
      counters[COUNTER.prefetched]! += pages;
      log.prefetch(
        start,
        now() - start,
        guestPhysicalOf(layout, offset),
        pages,
        result,
        zero ? ACTION.zero : ACTION.copy,
      );
      return this.#advance(pages);
    }
    if (result === -ERRNO.EEXIST) {
      states[page]! |= PAGE.installed;
      return this.#advance(1);
    }
    if (result === -ERRNO.EAGAIN) return 0;
    // The region or the target is gone; the loop will find out which.
    if (result === -ERRNO.ENOENT || result === -ERRNO.ESRCH) {
      this.#run = this.#runs.length;
      return 0;
    }
    throw new PagerError('FAULT_FAILED', `prefetching: ${errnoName(-result)}`, hex(address));
  }

  #advance(pages: number): number {
    this.#within += pages;
    if (this.#within >= this.#runs[this.#run]!.pages) {
      this.#run++;
      this.#within = 0;
    }
    return pages;
  }
}
