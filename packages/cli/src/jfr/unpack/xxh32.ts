// SPDX-License-Identifier: Apache-2.0
// XXH32, the checksum of LZ4 frames, over bytes that come in pieces.

const PRIME_1 = 0x9e3779b1;
const PRIME_2 = 0x85ebca77;
const PRIME_3 = 0xc2b2ae3d;
const PRIME_4 = 0x27d4eb2f;
const PRIME_5 = 0x165667b1;
const STRIPE = 16;

const rotate = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));
const round = (lane: number, input: number): number =>
  Math.imul(rotate((lane + Math.imul(input, PRIME_2)) | 0, 13), PRIME_1);

export class Xxh32 {
  #lanes: [number, number, number, number] = [
    (PRIME_1 + PRIME_2) | 0,
    PRIME_2 | 0,
    0,
    -PRIME_1 | 0,
  ];
  readonly #rest: Uint8Array = new Uint8Array(STRIPE);
  #length = 0;

  add(bytes: Uint8Array): void {
    const held = this.#length % STRIPE;
    this.#length += bytes.length;
    if (held + bytes.length < STRIPE) {
      this.#rest.set(bytes, held);
      return;
    }
    let from = 0;
    if (held > 0) {
      from = STRIPE - held;
      this.#rest.set(bytes.subarray(0, from), held);
      this.#stripes(this.#rest, 0, STRIPE);
    }
    const end = bytes.length - ((bytes.length - from) % STRIPE);
    this.#stripes(bytes, from, end);
    this.#rest.set(bytes.subarray(end));
  }

  #stripes(bytes: Uint8Array, from: number, end: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let [one, two, three, four] = this.#lanes;
    for (let at = from; at < end; at += STRIPE) {
      one = round(one, view.getInt32(at, true));
      two = round(two, view.getInt32(at + 4, true));
      three = round(three, view.getInt32(at + 8, true));
      four = round(four, view.getInt32(at + 12, true));
    }
    this.#lanes = [one, two, three, four];
  }

  /** The checksum of what was added so far, as an unsigned number. */
  digest(): number {
    const [one, two, three, four] = this.#lanes;
    let hash =
      this.#length < STRIPE
        ? PRIME_5
        : rotate(one, 1) + rotate(two, 7) + rotate(three, 12) + rotate(four, 18);
    hash = (hash + this.#length) | 0;
    const left = this.#length % STRIPE;
    const view = new DataView(this.#rest.buffer);
    let at = 0;
    for (; at + 4 <= left; at += 4) {
      hash = (hash + Math.imul(view.getInt32(at, true), PRIME_3)) | 0;
      hash = Math.imul(rotate(hash, 17), PRIME_4);
    }
    for (; at < left; at++) {
      hash = (hash + Math.imul(this.#rest[at]!, PRIME_5)) | 0;
      hash = Math.imul(rotate(hash, 11), PRIME_1);
    }
    hash = Math.imul(hash ^ (hash >>> 15), PRIME_2);
    hash = Math.imul(hash ^ (hash >>> 13), PRIME_3);
    return (hash ^ (hash >>> 16)) >>> 0;
  }
}

export function xxh32(bytes: Uint8Array): number {
  const hash = new Xxh32();
  hash.add(bytes);
  return hash.digest();
}
