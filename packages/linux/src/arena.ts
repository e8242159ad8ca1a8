// SPDX-License-Identifier: Apache-2.0
import { mmap, view } from './foreign.ts';
import { checked } from './system-error.ts';

const PROT_READ_WRITE = 3;
const MAP_PRIVATE_ANONYMOUS = 0x22;
const ALIGNMENT = 64;

/** Memory with an address, for structures that the kernel reads and writes. */
export interface Block {
  /** Address in this process, bytes. */
  readonly address: number;
  readonly bytes: ArrayBuffer;
}

/**
 * Anonymous memory outside the garbage collector's reach. An arena is small and lives as long as
 * the process: it is never unmapped, so its views can never dangle.
 */
export class Arena {
  readonly #address: number;
  readonly #size: number;
  #used = 0;

  /** @param size bytes, rounded up to whole pages by the kernel */
  constructor(size: number) {
    this.#size = size;
    this.#address = checked(
      mmap(0, size, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0),
      'mmap',
      `an arena of ${size} bytes`,
    );
  }

  /** A zeroed block, aligned to a cache line. */
  take(bytes: number): Block {
    const offset = this.#used;
    this.#used += Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    if (this.#used > this.#size) throw new RangeError(`arena of ${this.#size} bytes is full`);
    const address = this.#address + offset;
    return { address, bytes: view(address, bytes) };
  }
}

const SCRATCH = 65536;
let scratchArena: Arena | undefined;
let scratchLeft = 0;

/**
 * A small block that lives as long as the process. Objects that need one keep it when they are closed, so
 * what is left behind by each is some dozens of bytes.
 */
export function scratch(bytes: number): Block {
  const needed = Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
  if (scratchArena === undefined || scratchLeft < needed) {
    scratchLeft = Math.max(SCRATCH, needed);
    scratchArena = new Arena(scratchLeft);
  }
  scratchLeft -= needed;
  return scratchArena.take(bytes);
}

const TWO_32 = 4294967296;

/** Stores a 64-bit value below 2^53, little endian, at a 32-bit word index, without a BigInt. */
export function storeWord64(words: Uint32Array, index: number, value: number): void {
  words[index] = value >>> 0;
  words[index + 1] = (value / TWO_32) >>> 0;
}

/** Loads an unsigned 64-bit value; exact below 2^53. */
export const loadWord64 = (words: Uint32Array, index: number): number =>
  words[index]! + words[index + 1]! * TWO_32;

/** Loads a signed 64-bit value whose negative values are small, such as a negated errno. */
export const loadSigned64 = (words: Uint32Array, index: number): number =>
  words[index + 1]! >= 0x80000000 ? words[index]! - TWO_32 : loadWord64(words, index);
