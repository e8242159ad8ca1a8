// SPDX-License-Identifier: Apache-2.0
// The variable-length integers of the Flight Recorder format: little-endian groups of seven bits, high
// bit = more follows, at most nine bytes, and the ninth carries eight raw bits (56..63). No zigzag: a
// negative long takes all nine bytes.
//
//   value        bytes
//   0..127       0vvvvvvv
//   ..2^56-1     1vvvvvvv × (n-1)  0vvvvvvv          n = 2..8
//   the rest     1vvvvvvv × 8      vvvvvvvv
//
// Numbers are exact up to 2^53 on the fast path; everything beyond goes through bigint.

/** Longest encoding of a 64-bit value, in bytes. */
export const MAX_VARINT_BYTES = 9;
/** Largest value of the padded four-byte form. */
export const MAX_PADDED4: number = 2 ** 28 - 1;

const TWO_28 = 2 ** 28;
const LONG_MIN = -(2n ** 63n);
const UNSIGNED_MAX = 2n ** 64n - 1n;

/**
 * Writes a non-negative integer below 2^53 and returns the position after it. No bounds check: the
 * caller has made sure of nine bytes of room.
 */
export function putVarint(bytes: Uint8Array, at: number, value: number): number {
  let position = at;
  let low: number;
  if (value < TWO_28) {
    low = value | 0;
    if (low !== value) throw notAnInteger(value);
  } else {
    // Multiplication by a power of two is exact, and cheaper than %, which calls into the C library.
    const high = (value * (1 / TWO_28)) | 0;
    const rest = value - high * TWO_28;
    low = rest | 0;
    if (low !== rest) throw notAnInteger(value);
    bytes[position] = low | 0x80;
    bytes[position + 1] = (low >>> 7) | 0x80;
    bytes[position + 2] = (low >>> 14) | 0x80;
    bytes[position + 3] = (low >>> 21) | 0x80;
    position += 4;
    low = high;
  }
  // Up to four more bytes, unrolled: a loop took a fifth longer.
  if (low < 0x80) {
    bytes[position] = low;
    return position + 1;
  }
  bytes[position] = low | 0x80;
  if (low < 0x4000) {
    bytes[position + 1] = low >>> 7;
    return position + 2;
  }
  bytes[position + 1] = (low >>> 7) | 0x80;
  if (low < 0x200000) {
    bytes[position + 2] = low >>> 14;
    return position + 3;
  }
  bytes[position + 2] = (low >>> 14) | 0x80;
  bytes[position + 3] = low >>> 21;
  return position + 4;
}

function notAnInteger(value: unknown): RangeError {
  return new RangeError(`${String(value)} is not a 64-bit integer`);
}

/**
 * Writes a signed 64-bit integer (two's complement) and returns the position after it. A number must
 * be an integer in [-2^63, 2^63), a bigint may also be given as unsigned up to 2^64-1; what does not
 * fit throws a RangeError. No bounds check: the caller has made sure of nine bytes of room.
 */
export function putLong(bytes: Uint8Array, at: number, value: number | bigint): number {
  if (typeof value === 'number') {
    if (value >= 0 && value <= Number.MAX_SAFE_INTEGER) return putVarint(bytes, at, value);
    if (!Number.isInteger(value) || value < -(2 ** 63) || value >= 2 ** 63) {
      throw notAnInteger(value);
    }
    return putBig(bytes, at, BigInt(value));
  }
  if (typeof value !== 'bigint' || value < LONG_MIN || value > UNSIGNED_MAX) {
    throw notAnInteger(value);
  }
  return putBig(bytes, at, value);
}

function putBig(bytes: Uint8Array, at: number, value: bigint): number {
  const bits = BigInt.asUintN(64, value);
  const low = Number(bits & 0xfffffffn);
  const middle = Number((bits >> 28n) & 0xfffffffn);
  const high = Number(bits >> 56n);
  if (high === 0 && middle === 0) return putVarint(bytes, at, low);
  putFour(bytes, at, low);
  if (high === 0) return putVarint(bytes, at + 4, middle);
  putFour(bytes, at + 4, middle);
  bytes[at + 8] = high;
  return at + 9;
}

function putFour(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value | 0x80;
  bytes[at + 1] = (value >>> 7) | 0x80;
  bytes[at + 2] = (value >>> 14) | 0x80;
  bytes[at + 3] = (value >>> 21) | 0x80;
}

/**
 * Writes an `int`: negative values as unsigned 32 bits (five bytes), as HotSpot does. Returns the
 * position after it.
 */
export function putInt(bytes: Uint8Array, at: number, value: number): number {
  let rest = value >>> 0;
  let position = at;
  while (rest > 0x7f) {
    bytes[position++] = rest | 0x80;
    rest >>>= 7;
  }
  bytes[position++] = rest;
  return position;
}

/** Writes a value below 2^28 in exactly four bytes: for sizes that are patched in afterwards. */
export function putPadded4(bytes: Uint8Array, at: number, value: number): number {
  if (!(value >= 0 && value <= MAX_PADDED4)) {
    throw new RangeError(`${value} does not fit a four-byte padded integer`);
  }
  bytes[at] = (value & 0x7f) | 0x80;
  bytes[at + 1] = ((value >>> 7) & 0x7f) | 0x80;
  bytes[at + 2] = ((value >>> 14) & 0x7f) | 0x80;
  bytes[at + 3] = (value >>> 21) & 0x7f;
  return at + 4;
}

/** How many bytes `putLong` takes for a value. */
export function varintLength(value: number | bigint): number {
  if (value < 0) return MAX_VARINT_BYTES;
  let rest = typeof value === 'bigint' ? Number(value) : value;
  // A bigint close below a power of 2^7 may round up to it; only 2^53 and above can.
  if (typeof value === 'bigint' && value > 9007199254740991n) {
    return value >= 2n ** 56n ? MAX_VARINT_BYTES : 8;
  }
  let length = 1;
  while (rest >= 128 && length < MAX_VARINT_BYTES) {
    rest /= 128;
    length++;
  }
  return length;
}

/**
 * The signed 64-bit value of three groups (bits 0..27, 28..55, 56..63): a number where it is exact, a
 * bigint where it is not.
 */
export function joinLong(low28: number, middle28: number, high8: number): number | bigint {
  if (high8 === 0) {
    if (middle28 < 2 ** 25) return middle28 * TWO_28 + low28;
  } else if (high8 === 0xff) {
    // -2^53 itself is not a safe integer, so the lowest middle group is left to bigint
    if (middle28 > 2 ** 28 - 2 ** 25) return (middle28 - TWO_28) * TWO_28 + low28;
  }
  return BigInt.asIntN(64, (BigInt(high8) << 56n) | (BigInt(middle28) << 28n) | BigInt(low28));
}
