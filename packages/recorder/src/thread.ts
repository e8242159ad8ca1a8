// SPDX-License-Identifier: Apache-2.0
// The writing side of one JavaScript thread. An event is written between `begin` and `end`; nothing in
// between leaves this file's control, allocates, or waits for anyone except while another thread moves
// the bytes of the very buffer that is full (one memory copy). Rotation: docs/rotation.md.
import { readlinkSync } from 'node:fs';
import { threadId } from 'node:worker_threads';
import {
  type Arena,
  EXCLUSIVE,
  KIND_CONSTANTS,
  KIND_EVENTS,
  type Kind,
  NAME_BYTES,
  SLOT,
  SLOT_CLAIMED,
  SLOT_DEAD,
  SLOT_FREE,
  SLOT_LIVE,
  WORD,
} from './arena.ts';
import { Courier } from './courier.ts';
import { GlobalBuffers } from './globals.ts';
import { wait } from './wait.ts';

/** The writer of a thread that has a slot; {@link attachThread} makes it. */
export class ThreadWriter {
  readonly arena: Arena;
  readonly slot: number;
  /** Key of the thread in the pool of threads. */
  readonly key: number;
  /** Where the present event is written: the arena, or memory of its own for a very large event. */
  target: Uint8Array;
  /** Offset in `target` that the present event must not reach beyond. */
  limit = 0;
  /** Epoch of the present event. */
  epoch = -1;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #globals: GlobalBuffers;
  readonly #capacity: number;
  readonly #base: number;
  #busy = false;
  /** Byte offset of the present event buffer. */
  #events = 0;
  /** Word that publishes its committed bytes. */
  #control = 0;
  #flushed = 0;
  #committed = 0;
  #pool = 0;
  #poolControl = 0;
  #poolFlushed = 0;
  #poolCommitted = 0;
  /** Global buffer lent to the present event, or -1. */
  #lease = -1;
  readonly #courier: Courier;
  /** Memory made for the present event alone. */
  #transient: Uint8Array<SharedArrayBuffer> | undefined;

  constructor(arena: Arena, slot: number) {
    this.arena = arena;
    this.slot = slot;
    this.target = arena.bytes;
    this.#words = arena.words;
    this.#base = arena.slot(slot);
    this.key = arena.words[this.#base + SLOT.key]!;
    this.#capacity = arena.shape.threadBytes;
    this.#globals = new GlobalBuffers(arena, slot + 1);
    this.#courier = new Courier(arena);
  }

  /**
   * Begins an event and returns the offset in `target` to write it at, up to `limit`; -1 when an event
   * of this thread is being written already (counted as lost). After any other answer {@link end} or
   * {@link abandon} must follow; where `limit` is too close, {@link makeRoom} comes first.
   */
  begin(): number {
    if (this.#busy) return this.lose(1);
    this.#busy = true;
    const words = this.#words;
    for (;;) {
      // A plain read: were it old, the second look would tell.
      const epoch = words[WORD.epoch]!;
      if (epoch !== this.epoch) this.#turn(epoch);
      Atomics.store(words, this.#control, (this.#committed << 1) | 1);
      // Flipped in between: the rotation may not have seen the bit, so this epoch is closed to us.
      if (Atomics.load(words, WORD.epoch) === epoch) break;
      Atomics.store(words, this.#control, this.#committed << 1);
    }
    return this.#events + this.#committed;
  }

  /**
   * Finds room for an event of `bound` bytes that does not fit where {@link begin} said: a new offset in
   * `target` (with a new `limit`), or -1 when there is none; the event is over then, and counted as lost.
   */
  makeRoom(bound: number): number {
    if (bound <= this.#capacity) {
      if (this.#promote(KIND_EVENTS)) return this.#events;
    } else {
      this.#lease = this.#globals.lease(bound, this.epoch);
      if (this.#lease >= 0) {
        const start = this.arena.globalBuffer(this.#lease);
        this.limit = start + this.arena.shape.globalBytes;
        return start;
      }
      this.#transient = this.#courier.make(bound);
      if (this.#transient !== undefined) {
        this.target = this.#transient;
        this.limit = bound;
        return 0;
      }
    }
    this.abandon();
    return this.lose(bound);
  }

  /** Publishes the event that ends before `position`. */
  end(position: number): void {
    if (this.#lease >= 0) {
      this.#globals.giveBack(this.#lease, position);
      this.#backHome();
    } else if (this.#transient !== undefined) {
      this.#courier.send(KIND_EVENTS, this.epoch, this.#transient, position);
      this.#backHome();
    } else {
      this.#committed = position - this.#events;
    }
    Atomics.store(this.#words, this.#control, this.#committed << 1);
    this.#busy = false;
  }

  /** Forgets the event that was begun. Constants it has added stay; they do no harm. */
  abandon(): void {
    if (this.#lease >= 0) this.#globals.giveBack(this.#lease, -1);
    else if (this.#transient !== undefined) this.#courier.drop(this.#transient);
    this.#backHome();
    Atomics.store(this.#words, this.#control, this.#committed << 1);
    this.#busy = false;
  }

  #backHome(): void {
    this.#lease = -1;
    this.#transient = undefined;
    this.target = this.arena.bytes;
    this.limit = this.#events + this.#capacity;
  }

  /** Counts bytes that could not be kept; returns -1. */
  lose(bytes: number): -1 {
    Atomics.add(this.#words, this.#base + SLOT.lost, bytes);
    return -1;
  }

  /** Publishes the record of a constant, within an event; false when there is no room for it. */
  addConstant(record: Uint8Array): boolean {
    const { length } = record;
    if (length > this.#capacity) {
      // a very deep stack trace
      const memory = this.#courier.make(length);
      if (memory === undefined) return false;
      memory.set(record);
      this.#courier.send(KIND_CONSTANTS, this.epoch, memory, length);
      return true;
    }
    if (this.#poolCommitted + length > this.#capacity && !this.#promote(KIND_CONSTANTS))
      return false;
    this.arena.bytes.set(record, this.#pool + this.#poolCommitted);
    this.#poolCommitted += length;
    Atomics.store(this.#words, this.#poolControl, this.#poolCommitted << 1);
    return true;
  }

  /** A key that no other thread uses for a constant. */
  nextKey(): number {
    const count = ++this.#words[this.#base + SLOT.constants]!;
    return count * this.arena.shape.slots + this.slot + 1;
  }

  /** Gives the slot up; the recorder thread takes what is left in it. */
  detach(): void {
    this.#busy = true;
    Atomics.store(this.#words, this.#base + SLOT.state, SLOT_DEAD);
    Atomics.add(this.#words, WORD.dead, 1);
    this.arena.wake();
  }

  /** Turns to the buffers of another epoch; the recorder thread has emptied them before it began. */
  #turn(epoch: number): void {
    const parity = epoch & 1;
    this.epoch = epoch;
    this.#events = this.arena.threadBuffer(this.slot, KIND_EVENTS, parity);
    this.limit = this.#events + this.#capacity;
    this.#pool = this.arena.threadBuffer(this.slot, KIND_CONSTANTS, parity);
    this.#control = this.#base + SLOT.events + parity;
    this.#flushed = this.#base + SLOT.eventsFlushed + parity;
    this.#poolControl = this.#base + SLOT.pool + parity;
    this.#poolFlushed = this.#base + SLOT.poolFlushed + parity;
    const from = this.#acquire(this.#flushed);
    const kept = Atomics.load(this.#words, this.#control) >>> 1;
    this.#committed = from === kept ? 0 : kept;
    this.#release(this.#control, this.#flushed, from === kept ? 0 : from, this.#committed);
    const poolFrom = this.#acquire(this.#poolFlushed);
    const poolKept = Atomics.load(this.#words, this.#poolControl) >>> 1;
    this.#poolCommitted = poolFrom === poolKept ? 0 : poolKept;
    this.#release(
      this.#poolControl,
      this.#poolFlushed,
      poolFrom === poolKept ? 0 : poolFrom,
      this.#poolCommitted,
    );
  }

  /** Moves what is not yet flushed into a global buffer and starts the thread buffer anew. */
  #promote(kind: Kind): boolean {
    const events = kind === KIND_EVENTS;
    const control = events ? this.#control : this.#poolControl;
    const flushed = events ? this.#flushed : this.#poolFlushed;
    const start = events ? this.#events : this.#pool;
    const committed = events ? this.#committed : this.#poolCommitted;
    const from = this.#acquire(flushed);
    const moved =
      from === committed ||
      this.#globals.take(kind, this.epoch, start + from, committed - from) ||
      this.#courier.carry(kind, this.epoch, start + from, committed - from);
    if (!moved) {
      this.#release(control, flushed, from, committed);
      return false;
    }
    this.#release(control, flushed, 0, 0);
    if (events) this.#committed = 0;
    else this.#poolCommitted = 0;
    return true;
  }

  /** Takes the bytes of a buffer for moving; answers from where on they are unflushed. */
  #acquire(flushed: number): number {
    const words = this.#words;
    for (;;) {
      const from = Atomics.load(words, flushed);
      if (from === EXCLUSIVE) {
        wait(words, flushed, EXCLUSIVE, 1);
      } else if (Atomics.compareExchange(words, flushed, from, EXCLUSIVE) === from) {
        return from;
      }
    }
  }

  #release(control: number, flushed: number, from: number, committed: number): void {
    const words = this.#words;
    // An event buffer keeps its writing bit; the bit of a constants buffer has no meaning.
    Atomics.store(words, control, (committed << 1) | (Atomics.load(words, control) & 1));
    Atomics.store(words, flushed, from);
    Atomics.notify(words, flushed);
  }
}

/** The kernel's id of the calling thread. */
export function osThreadId(): number {
  const link = readlinkSync('/proc/thread-self');
  return Number(link.slice(link.lastIndexOf('/') + 1));
}

/** Rounds of looking for a slot, and the milliseconds between two. */
const ROUNDS = 25;
const BETWEEN = 4;

/**
 * Gives the calling thread a slot. Where threads come and go, those of the gone are free when their last
 * events are taken, so the recorder is asked to hurry; undefined when all are taken even then. What the
 * thread does unrecorded nobody counts: one byte of loss stands for it.
 */
export function attachThread(arena: Arena, name: string): ThreadWriter | undefined {
  const { words } = arena;
  let writer = claimSlot(arena, name);
  if (writer !== undefined) return writer;
  Atomics.add(words, WORD.seeking, 1);
  for (let round = 0; round < ROUNDS && writer === undefined; round++) {
    arena.wake();
    // nobody notifies: a pause
    wait(words, WORD.seeking, Atomics.load(words, WORD.seeking), BETWEEN);
    writer = claimSlot(arena, name);
  }
  Atomics.sub(words, WORD.seeking, 1);
  if (writer === undefined) Atomics.add(words, WORD.lost, 1);
  return writer;
}

function claimSlot(arena: Arena, name: string): ThreadWriter | undefined {
  const words = arena.words;
  for (let slot = 0; slot < arena.shape.slots; slot++) {
    const base = arena.slot(slot);
    const state = base + SLOT.state;
    if (Atomics.compareExchange(words, state, SLOT_FREE, SLOT_CLAIMED) !== SLOT_FREE) continue;
    words[base + SLOT.osThread] = osThreadId();
    words[base + SLOT.jsThread] = threadId;
    words[base + SLOT.key] = Atomics.add(words, WORD.threadKey, 1) + 1;
    words[base + SLOT.nameBytes] = writeName(arena, slot, name);
    Atomics.store(words, state, SLOT_LIVE);
    return new ThreadWriter(arena, slot);
  }
  return undefined;
}

function writeName(arena: Arena, slot: number, name: string): number {
  // encodeInto refuses shared memory
  const bytes = new Uint8Array(NAME_BYTES);
  const { written } = new TextEncoder().encodeInto(name, bytes);
  arena.bytes.set(bytes, arena.name(slot));
  return written;
}
