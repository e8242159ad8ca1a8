// SPDX-License-Identifier: Apache-2.0
// A source in pieces, one after the other in the same memory, the next being read while one is looked at.
import type { ByteSource } from '@rekindle/bytes';
import type { ScanMemory } from './scan-wasm.ts';

/** As much of the end of a piece is put before the next: an event that is cut. */
const CARRY: number = 1 << 16;

interface Ahead {
  readonly start: number;
  readonly room: number;
  readonly bytes: Uint8Array;
  readonly done: Promise<Error | undefined>;
}

export class Windows {
  readonly #source: ByteSource;
  readonly #end: number;
  readonly #window: number;
  /** Each with room for what is carried over in front. */
  readonly #rooms: readonly Uint8Array[];
  #room = 0;
  /** The last given out. */
  #bytes: Uint8Array = new Uint8Array(0);
  #ahead: Ahead | undefined;

  /** `window`: bytes in a piece. */
  constructor(source: ByteSource, end: number, window: number, memory: ScanMemory | undefined) {
    this.#source = source;
    this.#end = end;
    this.#window = window;
    const reads = source.read !== undefined;
    const room = CARRY + window;
    const all = memory?.reserve(2 * room) ?? new Uint8Array(reads ? 2 * room : 0);
    this.#rooms = all.length === 0 ? [] : [all.subarray(0, room), all.subarray(room)];
  }

  /** The bytes from a position on: those of a window, or `wanted`, or what is left. */
  async at(position: number, wanted: number): Promise<Uint8Array> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    const error = await ahead?.done;
    const carried = ahead === undefined ? -1 : ahead.start - position;
    if (
      ahead !== undefined &&
      error === undefined &&
      carried >= 0 &&
      carried <= Math.min(CARRY, this.#bytes.length) &&
      wanted <= carried + ahead.bytes.length
    ) {
      const room = this.#rooms[ahead.room]!;
      room.set(this.#bytes.subarray(this.#bytes.length - carried), CARRY - carried);
      this.#bytes = room.subarray(CARRY - carried, CARRY + ahead.bytes.length);
      this.#room = ahead.room;
    } else {
      this.#bytes = await this.#read(position, Math.min(wanted, this.#end - position));
    }
    this.#readAhead(position + this.#bytes.length);
    return this.#bytes;
  }

  /** Ends what is being read. */
  async close(): Promise<void> {
    await this.#ahead?.done;
  }

  async #read(position: number, length: number): Promise<Uint8Array> {
    const room = this.#rooms[this.#room];
    const fits = room !== undefined && length <= this.#window;
    if (this.#source.read === undefined) {
      const slice = await this.#source.slice(position, position + length);
      if (!fits) return slice;
      room.set(slice, CARRY);
      return room.subarray(CARRY, CARRY + length);
    }
    const bytes = fits ? room.subarray(CARRY, CARRY + length) : new Uint8Array(length);
    const pending = this.#source.read(position, bytes);
    if (pending !== undefined) await pending;
    return bytes;
  }

  #readAhead(start: number): void {
    const length = Math.min(this.#window, this.#end - start);
    if (this.#source.readAhead === undefined || length <= 0) return;
    const room = 1 - this.#room;
    const bytes = this.#rooms[room]!.subarray(CARRY, CARRY + length);
    // an error is met again by the one who reads there
    const done = this.#source.readAhead(start, bytes).then(
      () => undefined,
      (error: Error) => error,
    );
    this.#ahead = { start, room, bytes, done };
  }
}
