// SPDX-License-Identifier: Apache-2.0
// Strings as they are read: one byte of encoding, then the body. The table is in string-writer.ts.
// (Written by helper A in place of a file of the same name that a race overwrote; R: yours to change.)
import { ByteCursor, ByteError } from '@rekindle/bytes';
import { JfrError } from './error.ts';

export const STRING_NULL = 0;
export const STRING_EMPTY = 1;
export const STRING_POOLED = 2;

/** Reads a string: text, null, or the key of a string in the pool. */
export function readString(cursor: ByteCursor): string | null | number {
  const start = cursor.position;
  const encoding = cursor.u8();
  switch (encoding) {
    case 0:
      return null;
    case 1:
      return '';
    case 2:
      return cursor.varint();
    case 3:
      return cursor.utf8(cursor.varint());
    case 4: {
      const count = cursor.varint();
      // a unit takes a byte at least
      cursor.require(count);
      let text = '';
      for (let index = 0; index < count; index++)
        text += String.fromCharCode(cursor.int() & 0xffff);
      return text;
    }
    case 5:
      return cursor.latin1(cursor.varint());
    default:
      throw new JfrError('JFR_BAD_STRING', `string encoding ${encoding}`, { offset: start });
  }
}

/** Position after the varint at `at` (no bounds check: reads beyond the end as 0). */
export function skipVarint(bytes: Uint8Array, at: number): number {
  for (let count = 1; count < 9; count++) {
    if ((bytes[at++] ?? 0) < 0x80) return at;
  }
  return at + 1;
}

/** Position after the string at `at`. */
export function skipString(bytes: Uint8Array, at: number, limit: number): number {
  const cursor = new ByteCursor(bytes, at, limit);
  const encoding = cursor.u8();
  switch (encoding) {
    case 0:
    case 1:
      break;
    case 2:
      cursor.long();
      break;
    case 3:
    case 5:
      cursor.skip(cursor.varint());
      break;
    case 4: {
      const count = cursor.varint();
      cursor.require(count);
      for (let index = 0; index < count; index++) {
        const next = skipVarint(bytes, cursor.position);
        if (next > limit) throw new ByteError('BYTES_TRUNCATED', 'a string is cut off', at);
        cursor.seek(next);
      }
      break;
    }
    default:
      throw new JfrError('JFR_BAD_STRING', `string encoding ${encoding}`, { offset: at });
  }
  return cursor.position;
}
