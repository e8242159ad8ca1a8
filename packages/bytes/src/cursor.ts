// SPDX-License-Identifier: Apache-2.0
import { ByteError } from './error.ts';
import { joinLong } from './varint.ts';

const TWO_28 = 2 ** 28;
const utf8 = new TextDecoder('utf-8');
const latin1 = new TextDecoder('latin1');
const scratch = new DataView(new ArrayBuffer(8));

/**
 * Reads forward through bytes, never past `limit`: every read is checked, and what does not fit throws
 * a {@link ByteError} `BYTES_TRUNCATED` with the offset where the value began.
 */
export class ByteCursor {
  readonly bytes: Uint8Array;
  /** Offset of the next byte to read. */
  position: number;
  /** Offset of the first byte that may not be read. */
  readonly limit: number;

  constructor(bytes: Uint8Array, position = 0, limit: number = bytes.length) {
    if (!(position >= 0 && position <= limit && limit <= bytes.length)) {
      throw new ByteError(
        'BYTES_RANGE',
        `range ${position}..${limit} is outside the ${bytes.length} bytes given`,
        position,
      );
    }
    this.bytes = bytes;
    this.position = position;
    this.limit = limit;
  }

  /** Bytes left to read. */
  get remaining(): number {
    return this.limit - this.position;
  }

  /** Makes sure of `count` more bytes. */
  require(count: number): void {
    if (!(count >= 0 && count <= this.limit - this.position)) {
      throw new ByteError(
        'BYTES_TRUNCATED',
        `${count} bytes wanted, ${this.remaining} left`,
        this.position,
      );
    }
  }

  seek(position: number): void {
    if (!(position >= 0 && position <= this.limit)) {
      throw new ByteError(
        'BYTES_RANGE',
        `position ${position} is outside 0..${this.limit}`,
        this.position,
      );
    }
    this.position = position;
  }

  skip(count: number): void {
    this.require(count);
    this.position += count;
  }

  /** A view (not a copy) of the next `count` bytes. */
  take(count: number): Uint8Array {
    this.require(count);
    const start = this.position;
    this.position = start + count;
    return this.bytes.subarray(start, this.position);
  }

  u8(): number {
    if (this.position >= this.limit) this.require(1);
    return this.bytes[this.position++]!;
  }

  i8(): number {
    return (this.u8() << 24) >> 24;
  }

  u16be(): number {
    this.require(2);
    const { bytes, position } = this;
    this.position = position + 2;
    return (bytes[position]! << 8) | bytes[position + 1]!;
  }

  u32be(): number {
    this.require(4);
    const { bytes, position } = this;
    this.position = position + 4;
    return (
      ((bytes[position]! << 24) |
        (bytes[position + 1]! << 16) |
        (bytes[position + 2]! << 8) |
        bytes[position + 3]!) >>>
      0
    );
  }

  i64be(): bigint {
    const high = this.u32be();
    return BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(this.u32be()));
  }

  f32be(): number {
    scratch.setUint32(0, this.u32be());
    return scratch.getFloat32(0);
  }

  f64be(): number {
    this.require(8);
    scratch.setUint32(0, this.u32be());
    scratch.setUint32(4, this.u32be());
    return scratch.getFloat64(0);
  }

  /**
   * A varint that counts something (a size, a length, an index): 0..2^53-1. A value beyond throws
   * `BYTES_RANGE`, so a hostile length never wraps.
   */
  varint(): number {
    const start = this.position;
    const value = this.long();
    if (typeof value === 'bigint' || value < 0) {
      this.position = start;
      throw new ByteError('BYTES_RANGE', `${value} is no size or count`, start);
    }
    return value;
  }

  /** A signed 64-bit varint: a number where that is exact (|value| < 2^53), else a bigint. */
  long(): number | bigint {
    const { bytes, limit } = this;
    const start = this.position;
    let position = start;
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      if (position >= limit) throw truncated(start);
      const byte = bytes[position++]!;
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.position = position;
        return low;
      }
    }
    let middle = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      if (position >= limit) throw truncated(start);
      const byte = bytes[position++]!;
      middle |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.position = position;
        return middle < 2 ** 25 ? middle * TWO_28 + low : joinLong(low, middle, 0);
      }
    }
    if (position >= limit) throw truncated(start);
    const high = bytes[position++]!;
    this.position = position;
    return joinLong(low, middle, high);
  }

  /** A varint read as a signed 32-bit `int`: both the five-byte and the nine-byte form of -1. */
  int(): number {
    const value = this.long();
    return typeof value === 'number' && value >= -(2 ** 31) && value < 2 ** 31
      ? value
      : Number(BigInt.asIntN(32, BigInt(value)));
  }

  /** `length` bytes as UTF-8; malformed sequences become U+FFFD. */
  utf8(length: number): string {
    return utf8.decode(this.take(length));
  }

  /** `length` bytes, one character (U+0000..U+00FF) each. */
  latin1(length: number): string {
    const taken = this.take(length);
    // The "latin1" label means windows-1252, which differs in 0x80..0x9f.
    for (let index = 0; index < taken.length; index++) {
      const byte = taken[index]!;
      if (byte >= 0x80 && byte < 0xa0) return latin1Slow(taken);
    }
    return latin1.decode(taken);
  }
}

function latin1Slow(bytes: Uint8Array): string {
  let text = '';
  for (let start = 0; start < bytes.length; start += 4096) {
    text += String.fromCharCode(...bytes.subarray(start, start + 4096));
  }
  return text;
}

function truncated(offset: number): ByteError {
  return new ByteError('BYTES_TRUNCATED', 'a variable-length integer is cut off', offset);
}
