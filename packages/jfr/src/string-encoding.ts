// SPDX-License-Identifier: Apache-2.0
// Strings as the format writes them: one byte of encoding, then
//
//   0 null    1 empty    2 key into the pool of java.lang.String (varint)
//   3 UTF-8: varint byte length, bytes          4 UTF-16: varint count, then each unit as a varint
//   5 Latin-1: varint byte length, bytes
import type { ByteCursor } from '@rekindle/bytes';
import { JfrError } from './error.ts';

export const STRING_NULL = 0;
export const STRING_EMPTY = 1;
export const STRING_POOLED = 2;
export const STRING_UTF8 = 3;
export const STRING_CHARS = 4;
export const STRING_LATIN1 = 5;

/**
 * Reads a string: its text, null, or - for encoding 2 - the pool key (number, or bigint beyond 2^53).
 * Throws ByteError where the bytes end early and {@link JfrError} JFR_BAD_STRING (offset within the
 * cursor's bytes) for an unknown encoding.
 */
export function readString(cursor: ByteCursor): string | null | number | bigint {
  const start = cursor.position;
  const encoding = cursor.u8();
  switch (encoding) {
    case STRING_NULL:
      return null;
    case STRING_EMPTY:
      return '';
    case STRING_POOLED:
      return cursor.long();
    case STRING_UTF8:
      return decodeUtf8(cursor.take(cursor.varint()));
    case STRING_CHARS:
      return readChars(cursor);
    case STRING_LATIN1:
      return cursor.latin1(cursor.varint());
    default:
      throw new JfrError('JFR_BAD_STRING', `string encoding ${encoding}`, { offset: start });
  }
}

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * UTF-8 as Java decodes it: a surrogate written as three bytes - HotSpot's native code writes thread
 * names in "modified" UTF-8 - becomes one U+FFFD, where TextDecoder makes three of it.
 */
function decodeUtf8(bytes: Uint8Array): string {
  const text = utf8.decode(bytes);
  if (!text.includes('\ufffd')) return text;
  const mended = bytes.slice();
  for (let at = 0; at + 2 < mended.length; at++) {
    if (mended[at] === 0xed && mended[at + 1]! >= 0xa0 && mended[at + 1]! <= 0xbf) {
      if (mended[at + 2]! >= 0x80 && mended[at + 2]! <= 0xbf) mended.set([0xef, 0xbf, 0xbd], at);
    }
  }
  return utf8.decode(mended);
}

function readChars(cursor: ByteCursor): string {
  const count = cursor.varint();
  cursor.require(count); // a unit takes a byte at least
  let text = '';
  const units: number[] = [];
  for (let index = 0; index < count; index++) {
    units.push(cursor.int() & 0xffff);
    if (units.length === 4096) {
      text += String.fromCharCode(...units);
      units.length = 0;
    }
  }
  return text + String.fromCharCode(...units);
}

/**
 * Position after the string at `position`. No checks: what does not fit gives a position beyond `limit`,
 * or NaN.
 */
export function skipString(bytes: Uint8Array, position: number, limit: number): number {
  const encoding = bytes[position]!;
  if (encoding < STRING_POOLED) return position + 1;
  let at = position + 1;
  let length = bytes[at++]!;
  if (length > 127) {
    length &= 127;
    for (let scale = 128, index = 1; index < 9; index++, scale *= 128) {
      const byte = bytes[at++]!;
      length += (index === 8 ? byte : byte & 127) * scale;
      if (!(byte > 127)) break;
    }
  }
  if (encoding === STRING_POOLED) return at;
  if (encoding === STRING_UTF8 || encoding === STRING_LATIN1) return at + length;
  if (encoding !== STRING_CHARS || !(length <= limit - at)) return Number.NaN;
  for (let left = length; left > 0; left--) {
    at = bytes[at]! > 127 ? skipVarint(bytes, at) : at + 1;
  }
  return at;
}

/** Position after the varint at `position`, which has `most` bytes at most. */
export function skipVarint(bytes: Uint8Array, position: number, most = 9): number {
  let at = position;
  const last = position + most - 1;
  while (at < last && bytes[at]! > 127) at++;
  return at + 1;
}
