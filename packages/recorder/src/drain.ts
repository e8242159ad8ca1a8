// SPDX-License-Identifier: Apache-2.0
// The reading side of the shared buffers, for the recorder thread alone. It takes what is committed and
// never stops a writer: a writer waits at most while its own full buffer is being copied.
import { existsSync } from 'node:fs';
import {
  type Arena,
  EXCLUSIVE,
  GLOBAL,
  GLOBAL_FREE,
  GLOBAL_FULL,
  KIND_EVENTS,
  type Kind,
  RECORDER_IDENTITY,
  SLOT,
  SLOT_DEAD,
  SLOT_FREE,
  SLOT_LIVE,
  WORD,
} from './arena.ts';
import { Parcels } from './courier.ts';
import { GlobalBuffers } from './globals.ts';

/**
 * Takes whole records (events or constants), valid during the call only and perhaps in shared memory.
 * `from` and `length` say where in the arena they were; those of a dead thread are still there.
 */
export type Take = (records: Uint8Array, from: number, length: number) => void;

/** Milliseconds to wait for a writer before asking the kernel whether its thread still exists. */
const PATIENCE = 20;

/** Committed and flushed position of a thread's events and of its constants, for even epochs. */
const POSITIONS = [
  [SLOT.events, SLOT.eventsFlushed],
  [SLOT.pool, SLOT.poolFlushed],
] as const;

/** How a thread is named in the pool of threads. */
export interface ThreadIdentity {
  readonly key: number;
  readonly osThread: number;
  readonly jsThread: number;
  readonly name: string;
}

export class Drain {
  readonly #arena: Arena;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #staging: Uint8Array<ArrayBuffer>;
  readonly #parcels: Parcels;
  readonly #globals: GlobalBuffers;
  /** Threads whose slots are free again while the chunk still has events of theirs. */
  #departed: ThreadIdentity[] = [];

  constructor(arena: Arena) {
    this.#arena = arena;
    this.#words = arena.words;
    this.#staging = new Uint8Array(arena.shape.threadBytes);
    this.#parcels = new Parcels(arena);
    this.#globals = new GlobalBuffers(arena, RECORDER_IDENTITY);
  }

  /**
   * Takes everything of one kind and epoch that was committed before the call. Thread buffers come
   * first: bytes only ever move from there to a global buffer, so none are missed.
   */
  take(kind: Kind, epoch: number, take: Take): void {
    for (let slot = 0; slot < this.#arena.shape.slots; slot++) {
      const state = Atomics.load(this.#words, this.#arena.slot(slot) + SLOT.state);
      if (state === SLOT_LIVE || state === SLOT_DEAD) this.#takeThread(slot, kind, epoch, take);
    }
    this.takeGlobals(kind, epoch, false, take);
    this.#parcels.take(kind, epoch, take);
  }

  /** Takes global buffers, the longest full first; `onlyFull` leaves alone those with room. */
  takeGlobals(kind: Kind, epoch: number, onlyFull: boolean, take: Take): void {
    const words = this.#words;
    const found: number[] = [];
    for (let index = 0; index < this.#arena.shape.globals; index++) {
      const base = this.#arena.global(index);
      const state = Atomics.load(words, base + GLOBAL.state);
      if (state === GLOBAL_FREE || (onlyFull && state !== GLOBAL_FULL)) continue;
      if (words[base + GLOBAL.kind] === kind && words[base + GLOBAL.epoch] === epoch) {
        found.push(index);
      }
    }
    const order = (index: number): number => {
      const base = this.#arena.global(index);
      const full = words[base + GLOBAL.state] === GLOBAL_FULL;
      return full ? words[base + GLOBAL.sequence]! : Number.POSITIVE_INFINITY;
    };
    found.sort((a, b) => (order(a) < order(b) ? -1 : 1));
    for (const index of found) this.#takeGlobal(index, kind, epoch, take);
  }

  /** Waits until no thread is writing an event of `epoch` any more: the grace period. */
  awaitGrace(epoch: number): void {
    const words = this.#words;
    for (let slot = 0; slot < this.#arena.shape.slots; slot++) {
      const base = this.#arena.slot(slot);
      const control = base + SLOT.events + (epoch & 1);
      let waited = 0;
      for (;;) {
        const state = Atomics.load(words, base + SLOT.state);
        if (state !== SLOT_LIVE) break;
        const value = Atomics.load(words, control);
        if ((value & 1) === 0) break;
        if (Atomics.wait(words, control, value, 1) === 'timed-out' && ++waited > PATIENCE) {
          waited = 0;
          if (this.#bury(slot)) break;
        }
      }
    }
  }

  /** Threads that have a slot, or had one in this epoch, with what is needed to name them. */
  threads(): ThreadIdentity[] {
    const threads = [...this.#departed];
    for (let slot = 0; slot < this.#arena.shape.slots; slot++) {
      const state = Atomics.load(this.#words, this.#arena.slot(slot) + SLOT.state);
      if (state === SLOT_LIVE || state === SLOT_DEAD) threads.push(this.identity(slot));
    }
    return threads;
  }

  /** Of the thread that has a slot. */
  identity(slot: number): ThreadIdentity {
    const words = this.#words;
    const base = this.#arena.slot(slot);
    const from = this.#arena.name(slot);
    const name = this.#arena.bytes.slice(from, from + words[base + SLOT.nameBytes]!);
    return {
      key: words[base + SLOT.key]!,
      osThread: words[base + SLOT.osThread]!,
      jsThread: words[base + SLOT.jsThread]!,
      name: new TextDecoder().decode(name),
    };
  }

  /** Forgets threads that left: their chunk is complete. */
  forgetDeparted(): void {
    this.#departed = [];
  }

  /** Moves what dead threads have left into global buffers: for when nothing goes to disk. */
  promoteDead(epoch: number): void {
    for (let slot = 0; slot < this.#arena.shape.slots; slot++) {
      const state = Atomics.load(this.#words, this.#arena.slot(slot) + SLOT.state);
      if (state !== SLOT_DEAD) continue;
      this.#takeThread(slot, KIND_EVENTS, epoch, (_, from, length) => {
        if (this.#globals.take(KIND_EVENTS, epoch, from, length)) return;
        Atomics.add(this.#words, WORD.lost, length);
      });
    }
  }

  /** Marks threads that vanished without a word (a terminated worker) as dead. */
  findDead(): void {
    for (let slot = 0; slot < this.#arena.shape.slots; slot++) {
      const base = this.#arena.slot(slot);
      if (Atomics.load(this.#words, base + SLOT.state) === SLOT_LIVE) this.#bury(slot);
    }
  }

  /** Frees the slots of dead threads whose buffers are empty. */
  freeDead(): void {
    const words = this.#words;
    for (let slot = 0; slot < this.#arena.shape.slots; slot++) {
      const base = this.#arena.slot(slot);
      if (Atomics.load(words, base + SLOT.state) !== SLOT_DEAD) continue;
      const empty = POSITIONS.every(([control, flushed]) =>
        [0, 1].every(
          (parity) =>
            Atomics.load(words, base + control + parity) >>> 1 ===
            Atomics.load(words, base + flushed + parity),
        ),
      );
      if (!empty) continue;
      this.#departed.push(this.identity(slot));
      Atomics.sub(words, WORD.dead, 1);
      for (let word: number = SLOT.events; word <= SLOT.handedOver; word++) {
        Atomics.store(words, base + word, 0);
      }
      Atomics.store(words, base + SLOT.state, SLOT_FREE);
    }
  }

  /** Bytes that found no room since the recorder began, over all threads. */
  lost(): number {
    let lost = this.#words[WORD.lost]! >>> 0;
    for (let slot = 0; slot < this.#arena.shape.slots; slot++) {
      lost += this.#words[this.#arena.slot(slot) + SLOT.lost]! >>> 0;
    }
    return lost;
  }

  #takeThread(slot: number, kind: Kind, epoch: number, take: Take): void {
    const words = this.#words;
    const base = this.#arena.slot(slot);
    const parity = epoch & 1;
    const control = base + (kind === KIND_EVENTS ? SLOT.events : SLOT.pool) + parity;
    const flushed = base + (kind === KIND_EVENTS ? SLOT.eventsFlushed : SLOT.poolFlushed) + parity;
    // Nothing new: leave the writer's cache line alone.
    if (Atomics.load(words, control) >>> 1 === Atomics.load(words, flushed)) return;
    const from = this.#acquire(slot, flushed);
    if (from === EXCLUSIVE) return;
    const committed = Atomics.load(words, control) >>> 1;
    const start = this.#arena.threadBuffer(slot, kind, parity);
    const length = committed - from;
    this.#staging.set(this.#arena.bytes.subarray(start + from, start + committed));
    Atomics.store(words, flushed, committed);
    Atomics.notify(words, flushed);
    if (length > 0) take(this.#staging.subarray(0, length), start + from, length);
  }

  #takeGlobal(index: number, kind: Kind, epoch: number, take: Take): void {
    const words = this.#words;
    const base = this.#arena.global(index);
    let waited = 0;
    for (;;) {
      const holder = Atomics.compareExchange(words, base + GLOBAL.identity, 0, RECORDER_IDENTITY);
      if (holder === 0) break;
      Atomics.wait(words, base + GLOBAL.identity, holder, 1);
      if (++waited > PATIENCE) {
        waited = 0;
        this.#bury(holder - 1);
      }
    }
    const state = Atomics.load(words, base + GLOBAL.state);
    const ours = words[base + GLOBAL.kind] === kind && words[base + GLOBAL.epoch] === epoch;
    if (state !== GLOBAL_FREE && ours) {
      const length = Atomics.load(words, base + GLOBAL.position);
      const start = this.#arena.globalBuffer(index);
      try {
        // No copy: nobody waits for a global buffer, writers turn to another.
        if (length > 0) take(this.#arena.bytes.subarray(start, start + length), start, length);
      } finally {
        Atomics.store(words, base + GLOBAL.position, 0);
        Atomics.store(words, base + GLOBAL.state, GLOBAL_FREE);
        Atomics.store(words, base + GLOBAL.identity, 0);
      }
    } else {
      Atomics.store(words, base + GLOBAL.identity, 0);
    }
  }

  #acquire(slot: number, flushed: number): number {
    const words = this.#words;
    let waited = 0;
    for (;;) {
      const from = Atomics.load(words, flushed);
      if (from !== EXCLUSIVE) {
        if (Atomics.compareExchange(words, flushed, from, EXCLUSIVE) === from) return from;
      } else {
        Atomics.wait(words, flushed, EXCLUSIVE, 1);
        if (++waited > PATIENCE) {
          waited = 0;
          if (this.#bury(slot)) return EXCLUSIVE;
        }
      }
    }
  }

  /**
   * Closes the books of a slot whose thread no longer exists; false when it does. What it was writing
   * when it was ended is lost, what it had committed is not - except the bytes of one buffer, when it
   * was ended while moving them.
   */
  #bury(slot: number): boolean {
    const words = this.#words;
    const base = this.#arena.slot(slot);
    if (slot < 0 || slot >= this.#arena.shape.slots) return false;
    if (existsSync(`/proc/self/task/${words[base + SLOT.osThread]}`)) return false;
    // what its sources had gathered went with it; how much is not known, and a byte stands for it
    Atomics.add(words, base + SLOT.lost, Atomics.exchange(words, base + SLOT.gathers, 0));
    for (let parity = 0; parity < 2; parity++) {
      Atomics.and(words, base + SLOT.events + parity, ~1);
      for (const [control, flushed] of POSITIONS) {
        const committed = Atomics.load(words, base + control + parity) >>> 1;
        const word = base + flushed + parity;
        if (Atomics.compareExchange(words, word, EXCLUSIVE, committed) === EXCLUSIVE) {
          Atomics.add(words, base + SLOT.lost, committed);
        }
      }
    }
    for (let index = 0; index < this.#arena.shape.globals; index++) {
      const global = this.#arena.global(index);
      if (Atomics.load(words, global + GLOBAL.identity) !== slot + 1) continue;
      if (words[global + GLOBAL.leased] === 1) {
        words[global + GLOBAL.leased] = 0;
        Atomics.sub(words, WORD.leases, 1);
      }
      Atomics.store(words, global + GLOBAL.identity, 0);
    }
    Atomics.store(words, base + SLOT.state, SLOT_DEAD);
    Atomics.add(words, WORD.dead, 1);
    return true;
  }
}
