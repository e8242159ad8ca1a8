// SPDX-License-Identifier: Apache-2.0
// The writers of values that JSON and XML are made of: each reads one value at a cursor and writes its
// text.
import { ByteCursor } from '@rekindle/bytes';
import { readString, STRING_LATIN1, STRING_POOLED, STRING_UTF8 } from '../string-encoding.ts';
import type { ClassType } from '../type-model.ts';
import { type AsciiBuffer, ascii } from './ascii-buffer.ts';
import { ConstantReaders } from './constant-readers.ts';
import type { PrintableChunk } from './printable-chunk.ts';
import { NO_TEXT, TextCache } from './text-cache.ts';

/** Reads a value and writes its text; false where there is none, and then nothing is written. */
export type Put = (cursor: ByteCursor, out: AsciiBuffer) => boolean;

/** How a format writes strings. */
export interface Escaping {
  /** The text as it is written, in ASCII, quotes included. */
  escape(text: string): string;
  /** What stands around a text: a byte, or none. */
  readonly quote: number | undefined;
  /** By byte: 1 where it is written as it is. */
  readonly plain: Uint8Array;
}

/** The ASCII characters, but for control characters where `controls` says so, and those of `special`. */
export function plainBytes(special: string, controls: boolean): Uint8Array {
  const plain = new Uint8Array(256).fill(1, controls ? 0 : 32, 128);
  for (const letter of special) plain[letter.charCodeAt(0)] = 0;
  return plain;
}

/** Constants and strings of one chunk, their texts made once. */
export class ConstantWriters {
  readonly #chunk: PrintableChunk;
  readonly #cache: TextCache = new TextCache();
  readonly #compile: (type: ClassType, indent: number) => Put;
  readonly #writers: ConstantReaders<Put>;

  constructor(chunk: PrintableChunk, compile: (type: ClassType, indent: number) => Put) {
    this.#chunk = chunk;
    this.#compile = compile;
    this.#writers = new ConstantReaders((type, indent) => this.#make(type, indent));
  }

  /** Reads a key and writes the constant; false for a key that the pool does not hold. */
  writer(type: ClassType, indent: number): Put {
    return this.#writers.get(type, indent);
  }

  #make(type: ClassType, indent: number): Put {
    const pool = this.#chunk.pool(type);
    const { bytes } = this.#chunk;
    const cache = this.#cache;
    const table = cache.table(pool.length);
    // Compiled at the first constant: classes refer to each other (a loader has a class has a loader).
    let put: Put | undefined;
    return (cursor, out) => {
      const index = pool.indexOf(cursor.long());
      if (index < 0) return false;
      const known = table[index];
      if (known !== undefined) {
        out.copy(known);
        return known !== NO_TEXT;
      }
      const start = out.at;
      put ??= this.#compile(type, indent);
      const there = put(new ByteCursor(bytes, pool.offset(index) ?? 0), out);
      cache.add(table, index, there ? out.bytes.subarray(start, out.at) : NO_TEXT);
      return there;
    };
  }

  /** Reads a string of any encoding; false for null and for a key that the pool does not hold. */
  strings(escaping: Escaping): Put {
    const { quote, plain } = escaping;
    const cache = this.#cache;
    const pool = this.#chunk.stringPool();
    const table = cache.table(pool?.length ?? 0);
    const pooled = (key: number | bigint, out: AsciiBuffer): boolean => {
      const index = pool?.indexOf(key) ?? -1;
      if (pool === undefined || index < 0) return false;
      let text = table[index];
      if (text === undefined) {
        const value = pool.get(index);
        text = typeof value === 'string' ? ascii(escaping.escape(value)) : NO_TEXT;
        cache.add(table, index, text);
      }
      out.copy(text);
      return text !== NO_TEXT;
    };
    return (cursor, out) => {
      const start = cursor.position;
      const encoding = cursor.u8();
      if (encoding === STRING_POOLED) return pooled(cursor.long(), out);
      if (encoding === STRING_UTF8 || encoding === STRING_LATIN1) {
        if (putPlain(cursor, out, quote, plain)) return true;
      }
      cursor.seek(start);
      const text = readString(cursor);
      if (typeof text !== 'string') return false;
      out.text(escaping.escape(text));
      return true;
    };
  }
}

/** Copies a string of which every byte is written as it is; false, and nothing written, for another. */
function putPlain(
  cursor: ByteCursor,
  out: AsciiBuffer,
  quote: number | undefined,
  plain: Uint8Array,
): boolean {
  const length = cursor.varint();
  cursor.require(length);
  const { bytes, position } = cursor;
  for (let at = position; at < position + length; at++) {
    if (plain[bytes[at]!] === 0) return false;
  }
  if (quote !== undefined) out.byte(quote);
  out.copy(bytes.subarray(position, position + length));
  if (quote !== undefined) out.byte(quote);
  cursor.skip(length);
  return true;
}
