// SPDX-License-Identifier: Apache-2.0
// Text in, lines out, without making a string of each: the texts read here have hundreds of thousands
// of lines, and nearly all of them are numbers.
import { MemoryError } from './error.ts';

/** Longest line accepted, in bytes. Paths are limited to 4096 by the kernel; a signature may be longer. */
export const MAX_LINE_BYTES = 65_536;

/** Lines that no rule of the format matched: counted, and the first few kept for the report. */
export interface UnknownLines {
  readonly count: number;
  readonly first: readonly { readonly line: number; readonly text: string }[];
}

/** One line of a text at a time. `bytes[start, end)` is the line without its end; it is reused after. */
export interface LineParser<T> {
  line(bytes: Uint8Array, start: number, end: number, number: number): void;
  finish(): T;
}

/** A text: whole, or in pieces that may be cut anywhere. */
export type TextPieces = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** Cuts pieces of bytes into lines (LF or CRLF) and hands them to a parser. */
export class LineCutter {
  #rest: Uint8Array = new Uint8Array(0);
  #number = 0;
  readonly #parser: LineParser<unknown>;

  constructor(parser: LineParser<unknown>) {
    this.#parser = parser;
  }

  push(piece: Uint8Array): void {
    let bytes = piece;
    if (this.#rest.length > 0) {
      bytes = new Uint8Array(this.#rest.length + piece.length);
      bytes.set(this.#rest);
      bytes.set(piece, this.#rest.length);
    }
    let start = 0;
    for (;;) {
      const end = bytes.indexOf(10, start);
      if (end < 0) break;
      this.#emit(bytes, start, end);
      start = end + 1;
    }
    if (bytes.length - start > MAX_LINE_BYTES) this.#tooLong();
    this.#rest = bytes.slice(start);
  }

  end(): void {
    if (this.#rest.length > 0) this.#emit(this.#rest, 0, this.#rest.length);
    this.#rest = new Uint8Array(0);
  }

  #emit(bytes: Uint8Array, start: number, end: number): void {
    const stop = end > start && bytes[end - 1] === 13 ? end - 1 : end;
    if (stop - start > MAX_LINE_BYTES) this.#tooLong();
    this.#number++;
    this.#parser.line(bytes, start, stop, this.#number);
  }

  #tooLong(): never {
    throw new MemoryError(
      'line-too-long',
      `line longer than ${MAX_LINE_BYTES} bytes`,
      { line: this.#number + 1 },
      'is this a text file? Give the text the tool printed, not a binary',
    );
  }
}

/** Parses a whole text at hand. */
export function parseText<T>(parser: LineParser<T>, text: string | Uint8Array): T {
  const cutter = new LineCutter(parser);
  cutter.push(typeof text === 'string' ? new TextEncoder().encode(text) : text);
  cutter.end();
  return parser.finish();
}

/** Parses a text that arrives in pieces, for example a file's or a socket's stream. */
export async function parsePieces<T>(parser: LineParser<T>, pieces: TextPieces): Promise<T> {
  const cutter = new LineCutter(parser);
  for await (const piece of pieces) cutter.push(piece);
  cutter.end();
  return parser.finish();
}

/** Counts what no rule matched. */
export class UnknownCounter {
  #count = 0;
  readonly #first: { line: number; text: string }[] = [];

  add(bytes: Uint8Array, start: number, end: number, line: number): void {
    this.#count++;
    if (this.#first.length < 5) {
      this.#first.push({ line, text: textOf(bytes, start, Math.min(end, start + 120)) });
    }
  }

  finish(): UnknownLines {
    return { count: this.#count, first: this.#first };
  }
}

const decoder = new TextDecoder();

/** `bytes[start, end)` as a string (UTF-8; malformed bytes become U+FFFD). */
export function textOf(bytes: Uint8Array, start: number, end: number): string {
  return decoder.decode(bytes.subarray(start, end));
}

/** Whether nothing but blanks and TABs is left in `bytes[start, end)`. */
export function isBlank(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] !== 32 && bytes[i] !== 9) return false;
  return true;
}
