// SPDX-License-Identifier: Apache-2.0
// Buffers made for the moment, when all global ones are full or an event is larger than any: they travel
// to the recorder thread as messages. Sent before the writer's epoch may end, so they are in time for
// their chunk. In memory mode there are none: there the oldest data give way.
import { BroadcastChannel, receiveMessageOnPort } from 'node:worker_threads';
import { type Arena, type Kind, WORD } from './arena.ts';

/** Name of the channel; channels do not leave the process. */
const CHANNEL = '@rekindle/recorder transient';
/** Bytes on their way at one time: a disk that cannot keep up must not eat the memory. */
const LIMIT: number = 64 << 20;

/** A buffer on its way. */
export interface Parcel {
  readonly kind: Kind;
  readonly epoch: number;
  readonly bytes: SharedArrayBuffer;
  readonly length: number;
}

/** The sending side, one for each thread. */
export class Courier {
  readonly #arena: Arena;
  #channel: BroadcastChannel | undefined;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** Memory for one event, or undefined when there must be none. */
  make(size: number): Uint8Array<SharedArrayBuffer> | undefined {
    const { words } = this.#arena;
    if (Atomics.load(words, WORD.toDisk) === 0) return undefined;
    if (Atomics.add(words, WORD.transient, size) + size > LIMIT) {
      Atomics.sub(words, WORD.transient, size);
      return undefined;
    }
    return new Uint8Array(new SharedArrayBuffer(size));
  }

  /** Gives back what {@link make} gave, unused. */
  drop(memory: Uint8Array<SharedArrayBuffer>): void {
    Atomics.sub(this.#arena.words, WORD.transient, memory.length);
  }

  /** Sends memory that holds `length` bytes of whole records. */
  send(kind: Kind, epoch: number, memory: Uint8Array<SharedArrayBuffer>, length: number): void {
    if (this.#channel === undefined) {
      this.#channel = new BroadcastChannel(CHANNEL);
      // a channel that listens keeps its thread alive
      (this.#channel as unknown as { unref(): void }).unref();
    }
    const parcel: Parcel = { kind, epoch, bytes: memory.buffer, length };
    this.#channel.postMessage(parcel);
    this.#arena.wake();
  }

  /** Copies bytes of the arena into memory of their own and sends them; false when there is none. */
  carry(kind: Kind, epoch: number, from: number, length: number): boolean {
    const memory = this.make(length);
    if (memory === undefined) return false;
    memory.set(this.#arena.bytes.subarray(from, from + length));
    this.send(kind, epoch, memory, length);
    return true;
  }
}

/** The receiving side, in the recorder thread. */
export class Parcels {
  readonly #arena: Arena;
  readonly #channel = new BroadcastChannel(CHANNEL);
  #waiting: Parcel[] = [];

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** Takes what has arrived of one kind and epoch. */
  take(
    kind: Kind,
    epoch: number,
    take: (records: Uint8Array, from: number, length: number) => void,
  ): void {
    for (;;) {
      const message = receiveMessageOnPort(this.#channel as never) as
        | { message: Parcel }
        | undefined;
      if (message === undefined) break;
      this.#waiting.push(message.message);
    }
    if (this.#waiting.length === 0) return;
    const [ours, others]: [Parcel[], Parcel[]] = [[], []];
    for (const parcel of this.#waiting) {
      (parcel.kind === kind && parcel.epoch === epoch ? ours : others).push(parcel);
    }
    this.#waiting = others;
    for (;;) {
      const parcel = ours.shift();
      if (parcel === undefined) return;
      const { bytes, length } = parcel;
      Atomics.sub(this.#arena.words, WORD.transient, bytes.byteLength);
      try {
        // a copy: what takes it may hand it to functions that refuse shared memory
        take(new Uint8Array(bytes).slice(0, length), 0, length);
      } catch (error) {
        this.#waiting.push(...ours);
        throw error;
      }
    }
  }
}
