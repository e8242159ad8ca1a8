// SPDX-License-Identifier: Apache-2.0
// Damage for the fuzzer of the reader: at random, but also where recordings are delicate - lengths, counts,
// the header.

/** A small generator of numbers, the same for the same seed (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer from 0 to below `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}

const BYTES = [0, 1, 2, 3, 4, 5, 0x7e, 0x7f, 0x80, 0x81, 0xfe, 0xff];

/** Some bytes of a recording changed, cut, doubled, or replaced by those of another. */
export function mutate(seed: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  let bytes: Uint8Array = seed.slice();
  for (let count = 1 + random.below(6); count > 0; count--) {
    const at = random.below(bytes.length);
    const length = 1 + random.below(random.of([2, 8, 64]));
    switch (random.below(11)) {
      case 0:
        bytes[at] = bytes[at]! ^ (1 << random.below(8));
        break;
      case 1:
      case 2:
        bytes[at] = random.of(BYTES);
        break;
      case 3:
        bytes = splice(bytes, at, length, new Uint8Array(0));
        break;
      case 4:
        bytes = splice(bytes, at, 0, bytes.slice(at, at + length));
        break;
      case 5:
        for (let index = at; index < at + length && index < bytes.length; index++) {
          bytes[index] = random.below(256);
        }
        break;
      case 6:
        if (random.below(4) === 0) bytes = bytes.slice(0, 1 + at);
        break;
      case 7: {
        const from = random.below(other.length);
        bytes = splice(bytes, at, random.below(2) * length, other.slice(from, from + length));
        break;
      }
      case 8: {
        // a large varint where some count or key may be
        const wide = new Uint8Array(1 + random.below(9)).fill(0xff);
        if (wide.length < 9) wide[wide.length - 1] = 0x7f;
        bytes.set(wide.subarray(0, bytes.length - at), at);
        break;
      }
      case 9: {
        // a field of the header
        const view = new DataView(bytes.buffer);
        const offset = 8 + 8 * random.below(7);
        if (bytes.length < 68) break;
        const values = [0n, 1n, 67n, 68n, -1n, 2n ** 31n, 2n ** 53n, 2n ** 63n - 1n, BigInt(at)];
        view.setBigInt64(offset, random.of(values));
        break;
      }
      default:
        bytes.fill(0, at, at + length);
    }
    if (bytes.length === 0) return bytes;
  }
  // mostly the size is right, so that the damage further in is reached
  if (bytes.length >= 68 && random.below(10) > 1 && bytes.length < 2 * seed.length) {
    const view = new DataView(bytes.buffer);
    if (random.below(3) > 0) view.setBigInt64(8, BigInt(bytes.length));
    if (random.below(3) > 0) bytes.set(seed.subarray(0, 8));
    if (random.below(3) > 0) bytes[64] = 0;
  }
  return bytes;
}

function splice(bytes: Uint8Array, at: number, remove: number, insert: Uint8Array): Uint8Array {
  const end = Math.min(bytes.length, at + remove);
  const result = new Uint8Array(bytes.length - (end - at) + insert.length);
  result.set(bytes.subarray(0, at));
  result.set(insert, at);
  result.set(bytes.subarray(end), at + insert.length);
  return result;
}
