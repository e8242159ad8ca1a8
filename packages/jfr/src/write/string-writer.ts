// SPDX-License-Identifier: Apache-2.0
// Strings in events and in the pool of strings: one byte of encoding, then
//
//   0 null    -
//   1 empty   -
//   2 pooled  varint key into the pool of java.lang.String
//   3 UTF-8   varint length in bytes, bytes
//   4 chars   varint count, each UTF-16 unit as a varint
//   5 Latin-1 varint length in bytes, bytes
//
// ASCII goes out as 3 (async-profiler reads nothing else in symbols), what is left of Latin-1 as 5, the
// rest as 3; a string with a lone surrogate, which UTF-8 cannot say, as 4. So every string survives.
import { putInt, putVarint } from '@rekindle/bytes';
import { JfrError } from '../error.ts';

export const STRING_NULL = 0;
export const STRING_EMPTY = 1;
export const STRING_POOLED = 2;
export const STRING_UTF8 = 3;
export const STRING_CHARS = 4;
export const STRING_LATIN1 = 5;

/** A string as an event takes it: text, null, or the key of a string in the pool. */
export type StringValue = string | number | null | undefined;

const encoder = new TextEncoder();
/** From here on the encoder's start-up cost is less than a loop over the characters. */
const LONG_TEXT = 96;

/** Upper bound of the bytes that {@link putString} writes. */
export function stringBound(value: StringValue): number {
  return typeof value === 'string' ? value.length * 3 + 6 : 10;
}

/** Writes a string and returns the position after it; the caller has made sure of the room. */
export function putString(bytes: Uint8Array, at: number, value: StringValue): number {
  if (typeof value !== 'string') {
    if (value === null || value === undefined) {
      bytes[at] = STRING_NULL;
      return at + 1;
    }
    if (!(typeof value === 'number' && value >= 1 && value <= Number.MAX_SAFE_INTEGER)) {
      throw new JfrError('JFR_BAD_VALUE', `${String(value)} is no string and no key of one`);
    }
    bytes[at] = STRING_POOLED;
    return putVarint(bytes, at + 1, value);
  }
  const length = value.length;
  if (length === 0) {
    bytes[at] = STRING_EMPTY;
    return at + 1;
  }
  if (length > LONG_TEXT) return putLongText(bytes, at, value);
  let position = at + 2;
  for (let index = 0; index < length; index++) {
    const unit = value.charCodeAt(index);
    if (unit > 0x7f) return putBeyondAscii(bytes, at, value);
    bytes[position++] = unit;
  }
  bytes[at] = STRING_UTF8;
  bytes[at + 1] = length;
  return position;
}

function putLongText(bytes: Uint8Array, at: number, value: string): number {
  // The length comes first and is known only afterwards: write behind the widest guess, then move.
  const start = at + 6;
  const { written } = encoder.encodeInto(value, bytes.subarray(start));
  if (written !== value.length) return putBeyondAscii(bytes, at, value);
  bytes[at] = STRING_UTF8;
  const position = putVarint(bytes, at + 1, written);
  bytes.copyWithin(position, start, start + written);
  return position + written;
}

function putBeyondAscii(bytes: Uint8Array, at: number, value: string): number {
  let latin1 = true;
  for (let index = 0; index < value.length; index++) {
    const unit = value.charCodeAt(index);
    if (unit < 0x100) continue;
    latin1 = false;
    if ((unit & 0xf800) !== 0xd800) continue;
    const paired = unit < 0xdc00 && (value.charCodeAt(index + 1) & 0xfc00) === 0xdc00;
    if (!paired) return putChars(bytes, at, value);
    index++;
  }
  if (latin1) {
    bytes[at] = STRING_LATIN1;
    let position = putVarint(bytes, at + 1, value.length);
    for (let index = 0; index < value.length; index++) bytes[position++] = value.charCodeAt(index);
    return position;
  }
  const encoded = encoder.encode(value);
  bytes[at] = STRING_UTF8;
  const position = putVarint(bytes, at + 1, encoded.length);
  bytes.set(encoded, position);
  return position + encoded.length;
}

function putChars(bytes: Uint8Array, at: number, value: string): number {
  bytes[at] = STRING_CHARS;
  let position = putVarint(bytes, at + 1, value.length);
  for (let index = 0; index < value.length; index++) {
    position = putInt(bytes, position, value.charCodeAt(index));
  }
  return position;
}
