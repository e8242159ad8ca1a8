// SPDX-License-Identifier: Apache-2.0
import { ByteError } from './error.ts';
import { putInt, putLong, putPadded4, putVarint } from './varint.ts';

const encoder = new TextEncoder();

/** Collects bytes in a buffer that grows as needed, and can be emptied and used again. */
export class ByteSink {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    const wanted = this.#length + count;
    if (wanted <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(wanted, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }

  /** Forgets the content and keeps the buffer. */
  clear(): void {
    this.#length = 0;
  }

  /** Drops everything from `length` on. */
  truncate(length: number): void {
    if (!(length >= 0 && length <= this.#length)) {
      throw new ByteError(
        'BYTES_RANGE',
        `cannot shorten ${this.#length} bytes to ${length}`,
        length,
      );
    }
    this.#length = length;
  }

  u8(value: number): void {
    this.reserve(1);
    this.#bytes[this.#length++] = value;
  }

  u16be(value: number): void {
    this.reserve(2);
    this.#bytes[this.#length++] = value >>> 8;
    this.#bytes[this.#length++] = value;
  }

  u32be(value: number): void {
    this.u16be(value >>> 16);
    this.u16be(value & 0xffff);
  }

  i64be(value: bigint): void {
    const bits = BigInt.asUintN(64, value);
    this.u32be(Number(bits >> 32n));
    this.u32be(Number(bits & 0xffffffffn));
  }

  f32be(value: number): void {
    this.reserve(4);
    this.#view(4).setFloat32(0, value);
  }

  f64be(value: number): void {
    this.reserve(8);
    this.#view(8).setFloat64(0, value);
  }

  /** A size, count, index or key: 0..2^53-1. */
  varint(value: number): void {
    if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) {
      throw new ByteError('BYTES_RANGE', `${value} is no size or count`, this.#length);
    }
    this.reserve(9);
    this.#length = putVarint(this.#bytes, this.#length, value);
  }

  /** A signed 64-bit varint. */
  long(value: number | bigint): void {
    this.reserve(9);
    this.#length = putLong(this.#bytes, this.#length, value);
  }

  /** A signed 32-bit varint, negative values in five bytes. */
  int(value: number): void {
    this.reserve(5);
    this.#length = putInt(this.#bytes, this.#length, value);
  }

  /** A value below 2^28 in four bytes; returns its offset, for {@link patchPadded4}. */
  padded4(value: number): number {
    const at = this.#length;
    this.reserve(4);
    this.#length = putPadded4(this.#bytes, at, value);
    return at;
  }

  patchPadded4(at: number, value: number): void {
    if (!(at >= 0 && at + 4 <= this.#length)) {
      throw new ByteError('BYTES_RANGE', 'patch outside what was written', at);
    }
    putPadded4(this.#bytes, at, value);
  }

  bytes(value: Uint8Array): void {
    this.reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** The text as UTF-8, preceded by its length in bytes as a varint. */
  utf8(text: string): void {
    this.reserve(text.length * 3 + 9);
    const bytes = this.#bytes;
    // ASCII, by far the most text here, needs no detour through the encoder.
    let at = putVarint(bytes, this.#length, text.length);
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      if (unit > 0x7f) {
        const encoded = encoder.encode(text);
        at = putVarint(bytes, this.#length, encoded.length);
        bytes.set(encoded, at);
        this.#length = at + encoded.length;
        return;
      }
      bytes[at++] = unit;
    }
    this.#length = at;
  }

  /** A view of what was written; valid until the next write. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  /** A copy of what was written. */
  copy(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  #view(count: number): DataView<ArrayBuffer> {
    const view = new DataView(this.#bytes.buffer, this.#length, count);
    this.#length += count;
    return view;
  }
}
