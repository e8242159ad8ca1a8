// SPDX-License-Identifier: Apache-2.0
// The state of every page at the playhead. Forward is incremental; backward starts over, because a
// removal forgets what it removed.
import {
  PREFETCHED as BY_PREFETCH,
  FAULTED,
  type InstallLog,
  type PageGraph,
  REMOVED,
  ZERO,
} from '@rekindle/analysis';
import {
  LOADED,
  MOVING,
  NEW,
  PREFETCHED,
  RECENT,
  SELECTED,
  SHARED,
  USED,
  ZEROED,
} from './page-state.ts';

/** What has happened up to the playhead. */
export interface Totals {
  faults: number;
  /** Pages that faults brought in, by how. */
  copied: number;
  zeroed: number;
  prefetched: number;
  removed: number;
  /** Pages that came in and that nobody owned before. */
  fresh: number;
  /** Nanoseconds spent serving faults. */
  stalled: number;
}

export class PageStates {
  /** One byte per slot, see page-state.ts. */
  readonly bytes: Uint8Array;
  /** Index into the log of the event that last brought the slot in; -1: not in. */
  readonly event: Int32Array;
  /** Pages in memory per owner of the graph, at the playhead. */
  readonly loaded: Uint32Array;
  readonly totals: Totals = noTotals();
  readonly #graph: PageGraph;
  readonly #log: InstallLog;
  readonly #durations: Float64Array;
  #applied = 0;
  #recentFrom = 0;
  #changed: (slot: number, pages: number) => void = () => {};

  /** @param durations service time of each fault, nanoseconds, by row of the fault table */
  constructor(graph: PageGraph, log: InstallLog, durations: Float64Array) {
    this.#graph = graph;
    this.#log = log;
    this.#durations = durations;
    this.bytes = new Uint8Array(graph.ram.slots);
    this.event = new Int32Array(graph.ram.slots).fill(-1);
    this.loaded = new Uint32Array(graph.owners.length);
    for (let slot = 0; slot < this.bytes.length; slot++) {
      const owners = graph.slotStart[slot + 1]! - graph.slotStart[slot]!;
      this.bytes[slot] = (owners > 0 ? USED : 0) | (graph.sharers[slot]! > 1 ? SHARED : 0);
    }
  }

  /** Number of events of the log that have happened. */
  get applied(): number {
    return this.#applied;
  }

  /** Told about every run of slots whose byte may have changed. */
  onChange(listener: (slot: number, pages: number) => void): void {
    this.#changed = listener;
  }

  /** Marks the pages of the given owners; those of all others are not selected. */
  select(owners: Iterable<number>): void {
    const { bytes } = this;
    for (let slot = 0; slot < bytes.length; slot++) bytes[slot]! &= ~SELECTED;
    for (const owner of owners) {
      for (const slot of this.#graph.slotsOf(owner)) bytes[slot]! |= SELECTED;
    }
    this.#changed(0, bytes.length);
  }

  /**
   * Moves the playhead.
   *
   * @param count events that have happened, 0 to the length of the log
   * @param recentFrom events from here on count as recent
   */
  moveTo(count: number, recentFrom: number = count): void {
    const target = Math.max(0, Math.min(count, this.#log.length));
    if (target < this.#applied || recentFrom < this.#recentFrom) this.#rewind();
    this.#fade(this.#recentFrom, Math.min(recentFrom, this.#applied));
    this.#recentFrom = Math.min(recentFrom, target);
    for (; this.#applied < target; this.#applied++) this.#apply(this.#applied);
  }

  #rewind(): void {
    for (let slot = 0; slot < this.bytes.length; slot++) this.bytes[slot]! &= ~MOVING;
    this.event.fill(-1);
    this.loaded.fill(0);
    Object.assign(this.totals, noTotals());
    this.#applied = 0;
    this.#recentFrom = 0;
    this.#changed(0, this.bytes.length);
  }

  #apply(index: number): void {
    const { slot: slots, pages, cause, action, row } = this.#log;
    const first = slots[index]!;
    const end = Math.min(first + pages[index]!, this.bytes.length);
    const totals = this.totals;
    if (cause[index] === FAULTED) {
      totals.faults++;
      totals.stalled += this.#durations[row[index]!] ?? 0;
    }
    for (let slot = first; slot < end; slot++) {
      if (cause[index] === REMOVED) this.#remove(slot);
      else this.#install(slot, index, cause[index] === BY_PREFETCH, action[index] === ZERO);
    }
    this.#changed(first, end - first);
  }

  #install(slot: number, index: number, prefetched: boolean, zeroed: boolean): void {
    const before = this.bytes[slot]!;
    const totals = this.totals;
    let byte = before | (prefetched ? PREFETCHED : LOADED);
    if (index >= this.#recentFrom) byte |= RECENT;
    if (zeroed) byte |= ZEROED;
    if ((before & USED) === 0) byte |= NEW;
    this.bytes[slot] = byte;
    // A fault on a page that is there (two vCPUs at once) changes nothing more.
    if (this.event[slot] !== -1) return;
    this.event[slot] = index;
    if (prefetched) totals.prefetched++;
    else if (zeroed) totals.zeroed++;
    else totals.copied++;
    if ((before & USED) === 0) totals.fresh++;
    for (const owner of this.#graph.ownersOf(slot)) this.loaded[owner]!++;
  }

  #remove(slot: number): void {
    this.bytes[slot]! &= ~MOVING;
    this.totals.removed++;
    if (this.event[slot] === -1) return;
    this.event[slot] = -1;
    for (const owner of this.#graph.ownersOf(slot)) this.loaded[owner]!--;
  }

  #fade(from: number, to: number): void {
    const { slot: slots, pages } = this.#log;
    for (let index = from; index < to; index++) {
      const first = slots[index]!;
      const end = Math.min(first + pages[index]!, this.bytes.length);
      for (let slot = first; slot < end; slot++) this.bytes[slot]! &= ~RECENT;
      this.#changed(first, end - first);
    }
  }
}

function noTotals(): Totals {
  return { faults: 0, copied: 0, zeroed: 0, prefetched: 0, removed: 0, fresh: 0, stalled: 0 };
}
