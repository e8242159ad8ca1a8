// SPDX-License-Identifier: Apache-2.0
// Memory for the arrays of one chunk, which the next chunk takes over: see ChunksOptions.reuse.

/** One that has been used is kept for the next, unless it has become larger than this. */
const KEEP_BYTES: number = 8 << 20;
let idle: ArrayBuffer | undefined;

export interface ArrayType<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (length: number): T;
  new (buffer: ArrayBuffer, byteOffset: number, length: number): T;
}

export class Arena {
  #buffer: ArrayBuffer;
  #used = 0;

  constructor() {
    this.#buffer = idle ?? new ArrayBuffer(1 << 20);
    idle = undefined;
  }

  /** An array, in which anything may stand. */
  make<T>(type: ArrayType<T>, length: number): T {
    const at = this.#used;
    const end = at + Math.ceil((length * type.BYTES_PER_ELEMENT) / 8) * 8;
    this.#used = end;
    if (end > this.#buffer.byteLength) return new type(length);
    return new type(this.#buffer, at, length);
  }

  /** Takes the arrays from whoever still has them: they are empty from now on. */
  release(): void {
    const buffer = takeAway(this.#buffer);
    if (this.#used > KEEP_BYTES) return;
    idle = this.#used > buffer.byteLength ? new ArrayBuffer(2 * this.#used) : buffer;
    this.#used = Number.POSITIVE_INFINITY;
  }
}

/** An array of an arena where there is one; its own where not. */
export function makeArray<T>(arena: Arena | undefined, type: ArrayType<T>, length: number): T {
  return arena === undefined ? new type(length) : arena.make(type, length);
}

/** Moves memory out of an array buffer, all views of which become empty. */
export function takeAway(buffer: ArrayBuffer): ArrayBuffer {
  return structuredClone(buffer, { transfer: [buffer] });
}
