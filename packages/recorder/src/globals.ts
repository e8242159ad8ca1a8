// SPDX-License-Identifier: Apache-2.0
// Global buffers: the overflow of the thread buffers. Every buffer holds bytes of one kind and of one
// epoch. Its state puts it on one of three lists: free, live (has room), full (waits for the recorder
// thread, in order of its sequence number). With a few dozen buffers a list is a scan over state words,
// which needs no links and no locks: whoever swaps its mark into `identity` has the buffer to itself.
import {
  type Arena,
  GLOBAL,
  GLOBAL_FREE,
  GLOBAL_FULL,
  GLOBAL_LIVE,
  KIND_EVENTS,
  type Kind,
  WORD,
} from './arena.ts';

/** How often a promotion looks through all buffers before it gives up (as JFR does). */
const TRIES = 100;

/** The global buffers as one thread sees them. */
export class GlobalBuffers {
  readonly #arena: Arena;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #identity: number;
  /** The buffer that took the last promotion: most likely there is still room. */
  #hint = 0;

  constructor(arena: Arena, identity: number) {
    this.#arena = arena;
    this.#words = arena.words;
    this.#identity = identity;
  }

  /** Copies bytes of the arena into a global buffer; false when none has room. */
  take(kind: Kind, epoch: number, from: number, length: number): boolean {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      let index = this.#findLive(kind, epoch, length);
      if (index < 0) index = this.#findFree(kind, epoch);
      if (index >= 0) {
        const base = this.#arena.global(index);
        const position = this.#words[base + GLOBAL.position]!;
        this.#arena.bytes.copyWithin(
          this.#arena.globalBuffer(index) + position,
          from,
          from + length,
        );
        Atomics.store(this.#words, base + GLOBAL.position, position + length);
        this.#letGo(base);
        return true;
      }
      if (this.#discardOldest()) continue;
      if (attempt === 0) this.#arena.wake();
      if (this.#allFull()) break;
    }
    return false;
  }

  /** Takes a whole free buffer for one large event: its index, or -1. */
  lease(bound: number, epoch: number): number {
    if (bound > this.#arena.shape.globalBytes) return -1;
    const words = this.#words;
    if (Atomics.add(words, WORD.leases, 1) >= this.#arena.shape.globals >> 1) {
      Atomics.sub(words, WORD.leases, 1);
      return -1;
    }
    let index = this.#findFree(KIND_EVENTS, epoch);
    if (index < 0 && this.#discardOldest()) index = this.#findFree(KIND_EVENTS, epoch);
    if (index < 0) Atomics.sub(words, WORD.leases, 1);
    else words[this.#arena.global(index) + GLOBAL.leased] = 1;
    return index;
  }

  /** Ends a lease; the event ends before arena offset `end`, or there is none (-1). */
  giveBack(index: number, end: number): void {
    const base = this.#arena.global(index);
    const words = this.#words;
    if (end < 0) {
      Atomics.store(words, base + GLOBAL.state, GLOBAL_FREE);
    } else {
      Atomics.store(words, base + GLOBAL.position, end - this.#arena.globalBuffer(index));
    }
    words[base + GLOBAL.leased] = 0;
    this.#letGo(base);
    Atomics.sub(words, WORD.leases, 1);
  }

  #findLive(kind: Kind, epoch: number, length: number): number {
    const count = this.#arena.shape.globals;
    const words = this.#words;
    for (let step = 0; step < count; step++) {
      const index = (this.#hint + step) % count;
      const base = this.#arena.global(index);
      if (Atomics.load(words, base + GLOBAL.state) !== GLOBAL_LIVE) continue;
      if (words[base + GLOBAL.epoch] !== epoch || words[base + GLOBAL.kind] !== kind) continue;
      if (!this.#seize(base)) continue;
      const still =
        Atomics.load(words, base + GLOBAL.state) === GLOBAL_LIVE &&
        words[base + GLOBAL.epoch] === epoch &&
        words[base + GLOBAL.kind] === kind;
      if (still && words[base + GLOBAL.position]! + length <= this.#arena.shape.globalBytes) {
        this.#hint = index;
        return index;
      }
      if (still) this.#retire(base);
      Atomics.store(words, base + GLOBAL.identity, 0);
    }
    return -1;
  }

  #findFree(kind: Kind, epoch: number): number {
    const count = this.#arena.shape.globals;
    const words = this.#words;
    for (let step = 0; step < count; step++) {
      const index = (this.#hint + step) % count;
      const base = this.#arena.global(index);
      if (Atomics.load(words, base + GLOBAL.state) !== GLOBAL_FREE) continue;
      if (!this.#seize(base)) continue;
      if (Atomics.load(words, base + GLOBAL.state) === GLOBAL_FREE) {
        Atomics.store(words, base + GLOBAL.epoch, epoch);
        Atomics.store(words, base + GLOBAL.kind, kind);
        Atomics.store(words, base + GLOBAL.position, 0);
        Atomics.store(words, base + GLOBAL.state, GLOBAL_LIVE);
        this.#hint = index;
        return index;
      }
      Atomics.store(words, base + GLOBAL.identity, 0);
    }
    return -1;
  }

  #seize(base: number): boolean {
    return Atomics.compareExchange(this.#words, base + GLOBAL.identity, 0, this.#identity) === 0;
  }

  /** Lets a buffer go that was written to; one with less room than a thread buffer is full. */
  #letGo(base: number): void {
    const { globalBytes, threadBytes } = this.#arena.shape;
    const words = this.#words;
    const full = words[base + GLOBAL.position]! + threadBytes > globalBytes;
    if (full && Atomics.load(words, base + GLOBAL.state) === GLOBAL_LIVE) this.#retire(base);
    Atomics.store(words, base + GLOBAL.identity, 0);
    if (full) this.#arena.wake();
  }

  #retire(base: number): void {
    const words = this.#words;
    words[base + GLOBAL.sequence] = Atomics.add(words, WORD.sequence, 1);
    Atomics.store(words, base + GLOBAL.state, GLOBAL_FULL);
  }

  #allFull(): boolean {
    const { globals } = this.#arena.shape;
    for (let index = 0; index < globals; index++) {
      const state = this.#words[this.#arena.global(index) + GLOBAL.state];
      if (state !== GLOBAL_FULL) return false;
    }
    return true;
  }

  /** In memory only: frees the full buffer of events that has waited longest. */
  #discardOldest(): boolean {
    const words = this.#words;
    if (Atomics.load(words, WORD.toDisk) !== 0) return false;
    let oldest = -1;
    let lowest = Number.POSITIVE_INFINITY;
    for (let index = 0; index < this.#arena.shape.globals; index++) {
      const base = this.#arena.global(index);
      if (Atomics.load(words, base + GLOBAL.state) !== GLOBAL_FULL) continue;
      if (words[base + GLOBAL.kind] !== KIND_EVENTS) continue;
      if (words[base + GLOBAL.sequence]! < lowest) {
        lowest = words[base + GLOBAL.sequence]!;
        oldest = base;
      }
    }
    if (oldest < 0 || !this.#seize(oldest)) return false;
    const discarded =
      Atomics.load(words, oldest + GLOBAL.state) === GLOBAL_FULL &&
      words[oldest + GLOBAL.sequence] === lowest;
    if (discarded) {
      Atomics.add(words, WORD.lost, words[oldest + GLOBAL.position]!);
      Atomics.store(words, oldest + GLOBAL.state, GLOBAL_FREE);
    }
    Atomics.store(words, oldest + GLOBAL.identity, 0);
    return discarded;
  }
}
