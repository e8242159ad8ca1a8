// SPDX-License-Identifier: Apache-2.0
// Text as bytes, written one after the other into one array. JSON and XML come out in pure ASCII, so that
// a printer never needs a string of what it prints: digits are written as digits, and a text that was
// made once is copied as bytes.
import { JfrError } from '../error.ts';

/** What one event may come to: constants that contain each other double with every level. */
const MOST = 2 ** 28;
/** Shorter texts are copied byte by byte: a call of `set` costs as much as some thirty bytes. */
const SHORT = 32;
const DIGIT_0 = 48;
const MINUS = 45;
const BILLION = 1_000_000_000;

/** Bytes of an ASCII text. */
export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** Grows as needed; whoever flushes it sets `at` back to 0. */
export class AsciiBuffer {
  bytes: Uint8Array;
  /** Bytes written. */
  at = 0;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
  }

  /** Makes sure of room for `count` more bytes. Throws JFR_EVENT_OVERRUN beyond 256 MiB. */
  reserve(count: number): void {
    if (this.at + count > this.bytes.length) this.#grow(this.at + count);
  }

  #grow(needed: number): void {
    if (needed > MOST) {
      throw new JfrError('JFR_EVENT_OVERRUN', `an event of more than ${MOST} bytes of text`);
    }
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.at));
    this.bytes = grown;
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.at++] = value;
  }

  copy(text: Uint8Array): void {
    const { length } = text;
    this.reserve(length);
    const { bytes, at } = this;
    if (length < SHORT)
      for (let index = 0; index < length; index++) bytes[at + index] = text[index]!;
    else bytes.set(text, at);
    this.at = at + length;
  }

  /** A text of ASCII characters. */
  text(text: string): void {
    const { length } = text;
    this.reserve(length);
    const { bytes, at } = this;
    for (let index = 0; index < length; index++) bytes[at + index] = text.charCodeAt(index);
    this.at = at + length;
  }

  /** An integer, as String() writes it. */
  integer(value: number | bigint): void {
    if (typeof value === 'bigint') {
      this.text(value.toString());
      return;
    }
    this.reserve(20);
    let rest = value;
    if (rest < 0) {
      this.bytes[this.at++] = MINUS;
      rest = -rest;
    }
    if (rest < BILLION) {
      this.#digits(rest, lengthOf(rest));
      return;
    }
    const high = Math.floor(rest / BILLION);
    this.#digits(high, lengthOf(high));
    this.#digits(rest - high * BILLION, 9);
  }

  /** The last `width` digits (9 at most) of a non-negative integer below 2^31. */
  digits(value: number, width: number): void {
    this.reserve(width);
    this.#digits(value, width);
  }

  #digits(value: number, width: number): void {
    const { bytes, at } = this;
    let rest = value | 0;
    for (let index = at + width - 1; index >= at; index--) {
      const next = (rest / 10) | 0;
      bytes[index] = DIGIT_0 + rest - next * 10;
      rest = next;
    }
    this.at = at + width;
  }
}

/** Decimal digits of 0..999999999. */
function lengthOf(value: number): number {
  if (value < 100_000) {
    if (value < 100) return value < 10 ? 1 : 2;
    return value < 1_000 ? 3 : value < 10_000 ? 4 : 5;
  }
  if (value < 10_000_000) return value < 1_000_000 ? 6 : 7;
  return value < 100_000_000 ? 8 : 9;
}
