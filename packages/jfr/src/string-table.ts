// SPDX-License-Identifier: Apache-2.0
// The distinct strings of a column. Inline strings are recognised by their bytes and decoded only when
// someone reads them, so a million equal paths cost one string.
import { ByteCursor } from '@rekindle/bytes';
import { held } from './held.ts';
import type { Pool } from './pool.ts';
import { readString, STRING_EMPTY, STRING_NULL, STRING_POOLED } from './string-encoding.ts';

/** Index of a string in a {@link StringTable}; -1 = null. */
export type StringIndex = number;

/** Strings made to have one hash may not make the search a walk through all of them. */
const MAX_PROBES = 64;

export class StringTable {
  readonly #bytes: Uint8Array;
  readonly #pool: Pool | undefined;
  /** Offset of the encoding byte; -1 for those that come from the pool. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  readonly #hashes: number[] = [];
  readonly #texts: (string | undefined)[] = [];
  #slots: Int32Array = new Int32Array(64).fill(-1);
  /** Table index by pool index; -2 = not seen yet. */
  #pooled: Int32Array = new Int32Array(0);
  #empty = -1;
  /** Some strings are not in the slots, so that equal ones may have got two indices. */
  #crowded = false;

  /** Strings of a chunk's bytes; `pool` is the one of java.lang.String. */
  constructor(bytes: Uint8Array, pool: Pool | undefined) {
    this.#bytes = bytes;
    this.#pool = pool;
  }

  /** Number of distinct strings. */
  get length(): number {
    return this.#starts.length;
  }

  /** The text of an index; null for -1. */
  get(index: StringIndex): string | null {
    const known = this.#texts[index];
    if (known !== undefined) return known;
    const start = this.#starts[index];
    if (start === undefined) return null;
    const text = readString(new ByteCursor(held(this.#bytes), start, this.#ends[index]!));
    const plain = typeof text === 'string' ? text : '';
    this.#texts[index] = plain;
    return plain;
  }

  /** All texts, by index. */
  texts(): string[] {
    return this.#starts.map((_, index) => this.get(index) ?? '');
  }

  /** Index of the inline string whose encoding byte is at `start` and which ends at `end`. */
  inline(start: number, end: number): StringIndex {
    const bytes = this.#bytes;
    const encoding = bytes[start]!;
    if (encoding === STRING_NULL) return -1;
    if (encoding === STRING_EMPTY) {
      if (this.#empty < 0) this.#empty = this.#add(-1, -1, 0, '');
      return this.#empty;
    }
    let hash = encoding;
    for (let at = start + 1; at < end; at++) hash = (Math.imul(hash, 31) + bytes[at]!) | 0;
    hash ^= hash >>> 15;
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    let probes = 0;
    for (; probes < MAX_PROBES; probes++) {
      const index = this.#slots[slot]!;
      if (index < 0) break;
      if (this.#hashes[index] === hash && this.#same(index, start, end)) return index;
      slot = (slot + 1) & mask;
    }
    const index = this.#add(start, end, hash, undefined);
    if (probes === MAX_PROBES) this.#crowded = true;
    else if (index * 2 > mask) this.#rehash();
    else this.#slots[slot] = index;
    return index;
  }

  /** Index of the pooled string with a key; -1 when the pool does not hold it. */
  pooled(key: number | bigint): StringIndex {
    const pool = this.#pool;
    if (pool === undefined) return -1;
    const entry = pool.indexOf(key);
    if (entry < 0) return -1;
    if (this.#pooled.length === 0) this.#pooled = new Int32Array(pool.length).fill(-2);
    let index = this.#pooled[entry]!;
    if (index === -2) {
      const text = pool.get(entry);
      index = typeof text === 'string' ? this.#add(-1, -1, 0, text) : -1;
      this.#pooled[entry] = index;
    }
    return index;
  }

  /** True when two indices may hold the same text: strings came in more than one form, or crowded. */
  get mixed(): boolean {
    if (this.#crowded) return true;
    let encoding = -1;
    for (const start of this.#starts) {
      const one = start < 0 ? STRING_POOLED : this.#bytes[start]!;
      if (encoding >= 0 && one !== encoding) return true;
      encoding = one;
    }
    return false;
  }

  #add(start: number, end: number, hash: number, text: string | undefined): number {
    this.#starts.push(start);
    this.#ends.push(end);
    this.#hashes.push(hash);
    this.#texts.push(text);
    return this.#starts.length - 1;
  }

  #same(index: number, start: number, end: number): boolean {
    const bytes = this.#bytes;
    let at = this.#starts[index]!;
    if (at < 0 || this.#ends[index]! - at !== end - start) return false;
    for (let other = start; other < end; other++) {
      if (bytes[at++] !== bytes[other]) return false;
    }
    return true;
  }

  #rehash(): void {
    const mask = this.#slots.length * 4 - 1;
    const slots = new Int32Array(mask + 1).fill(-1);
    for (const [index, hash] of this.#hashes.entries()) {
      if (this.#starts[index]! < 0) continue;
      let slot = hash & mask;
      let probes = 0;
      while (slots[slot]! >= 0 && probes < MAX_PROBES) {
        slot = (slot + 1) & mask;
        probes++;
      }
      if (probes < MAX_PROBES) slots[slot] = index;
      else this.#crowded = true;
    }
    this.#slots = slots;
  }
}
