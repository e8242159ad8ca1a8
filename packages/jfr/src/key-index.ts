// SPDX-License-Identifier: Apache-2.0
// Entries of a constant pool by key, where keys are too far apart for an array: a hash table of typed
// arrays. A Map keeps an object for every key that is no small integer, and HotSpot's are none.

import { type Arena, makeArray } from './arena.ts';

/** Keys made to have one hash may not make the search a walk through all of them. */
const MAX_PROBES = 64;

export class KeyIndex {
  readonly #keys: Float64Array;
  /** Indices of keys; -1 = free. */
  readonly #slots: Int32Array;
  readonly #mask: number;

  private constructor(keys: Float64Array, slots: Int32Array) {
    this.#keys = keys;
    this.#slots = slots;
    this.#mask = slots.length - 1;
  }

  /**
   * Of integers within 2^53; where one comes twice, the later counts, and NaN is left out. Undefined
   * where too many keys want one place. The keys are not copied.
   */
  static of(keys: Float64Array, arena?: Arena): KeyIndex | undefined {
    const room = 2 ** Math.ceil(Math.log2(Math.max(keys.length, 4) * 2));
    const slots = makeArray(arena, Int32Array, room).fill(-1);
    const mask = room - 1;
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index]!;
      if (Number.isNaN(key)) continue;
      let slot = hash(key) & mask;
      let probes = 0;
      for (let held = slots[slot]!; held >= 0 && keys[held] !== key; held = slots[slot]!) {
        if (++probes === MAX_PROBES) return undefined;
        slot = (slot + 1) & mask;
      }
      slots[slot] = index;
    }
    return new KeyIndex(keys, slots);
  }

  /** Index of a key; -1 when there is none. */
  get(key: number): number {
    let slot = hash(key) & this.#mask;
    for (;;) {
      const index = this.#slots[slot]!;
      if (index < 0 || this.#keys[index] === key) return index;
      slot = (slot + 1) & this.#mask;
    }
  }
}

/** Of all 53 bits: HotSpot's keys differ in the middle ones. */
function hash(key: number): number {
  const low = key | 0;
  const mixed = Math.imul(low ^ Math.floor(key / 2 ** 32), 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}
