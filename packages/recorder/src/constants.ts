// SPDX-License-Identifier: Apache-2.0
// The constants of one thread: strings, symbols, classes, methods, stack traces. Each thread keeps its
// own tables, so nothing is locked; keys differ between threads by construction. A constant is written
// into the thread's constants buffer when an event of an epoch first refers to it, before that event is
// published: so it is in the chunk if the event is, and only what is referred to is ever written.
//
// A record in the constants buffer, as the recorder thread reads it:
//   length of the rest (varint) · pool (1 byte, POOL below) · key (varint) · value as the pool has it
import { putInt, putVarint } from '@rekindle/bytes';
import type { Frame } from './frames.ts';
import type { ThreadWriter } from './thread.ts';

/** Pools that threads add to. */
export const POOL = { string: 0, symbol: 1, class: 2, method: 3, stackTrace: 4 } as const;
export const POOL_TYPES = [
  'java.lang.String',
  'jdk.types.Symbol',
  'java.lang.Class',
  'jdk.types.Method',
  'jdk.types.StackTrace',
] as const;

interface Constant {
  readonly key: number;
  /** Epoch it was last written in. */
  epoch: number;
}

/** Entries of a table before it is emptied: a program that makes up names must not fill the memory. */
const MAX_ENTRIES = 32_768;
const STRING_UTF8 = 3;
const MODIFIER_PUBLIC = 1;
const FRAME_JIT = 1;
const FRAME_NATIVE = 3;

export class ThreadConstants {
  readonly stackDepth: number;
  readonly #writer: ThreadWriter;
  readonly #tables: readonly Map<string, Constant>[];
  readonly #once = new Set<string>();
  #scratch = new Uint8Array(4096);

  constructor(writer: ThreadWriter, stackDepth: number) {
    this.#writer = writer;
    this.stackDepth = stackDepth;
    this.#tables = POOL_TYPES.map(() => new Map<string, Constant>());
  }

  /**
   * A string for an event: its key in the pool, or the string itself when it is seen for the first time
   * or finds no room. Within an event only.
   */
  string(text: string): number | string {
    const known = this.#tables[POOL.string]!.get(text);
    if (known !== undefined && known.epoch === this.#writer.epoch) return known.key;
    if (known === undefined && !this.#once.has(text)) {
      if (this.#once.size >= 64) this.#once.clear();
      this.#once.add(text);
      return text;
    }
    const key = this.#text(POOL.string, text);
    return key === 0 ? text : key;
  }

  /** Key of a stack trace; 0 when it finds no room. Within an event only. */
  stackTrace(frames: readonly Frame[]): number {
    let identity = '';
    for (const { owner, method, line } of frames) identity += `${owner}.${method}:${line}\n`;
    const known = this.#present(POOL.stackTrace, identity);
    if (known > 0) return known;
    const methods = frames.map((frame) => this.method(frame.owner, frame.method));
    if (methods.includes(0)) return 0;
    const bytes = this.#room(32 + frames.length * 24);
    bytes[0] = frames.length >= this.stackDepth ? 1 : 0;
    let at = putVarint(bytes, 1, frames.length);
    frames.forEach((frame, index) => {
      at = putVarint(bytes, at, methods[index]!);
      at = putInt(bytes, at, frame.line);
      at = putInt(bytes, at, 0);
      at = putVarint(bytes, at, frame.native ? FRAME_NATIVE : FRAME_JIT);
    });
    return this.#write(POOL.stackTrace, identity, bytes.subarray(0, at));
  }

  /** Key of a method; 0 when it finds no room. Within an event only. */
  method(owner: string, name: string): number {
    const identity = `${owner}\0${name}`;
    const known = this.#present(POOL.method, identity);
    if (known > 0) return known;
    const type = this.class(owner);
    const symbol = this.#text(POOL.symbol, name);
    const descriptor = this.#text(POOL.symbol, '()V');
    if (type === 0 || symbol === 0 || descriptor === 0) return 0;
    const bytes = this.#room(64);
    let at = putVarint(bytes, 0, type);
    at = putVarint(bytes, at, symbol);
    at = putVarint(bytes, at, descriptor);
    at = putVarint(bytes, at, MODIFIER_PUBLIC);
    bytes[at++] = 0; // hidden
    return this.#write(POOL.method, identity, bytes.subarray(0, at));
  }

  /** Key of a class; 0 when it finds no room. Within an event only. */
  class(name: string): number {
    const known = this.#present(POOL.class, name);
    if (known > 0) return known;
    const symbol = this.#text(POOL.symbol, name.replaceAll('.', '/'));
    if (symbol === 0) return 0;
    const bytes = this.#room(32);
    let at = putVarint(bytes, 0, 0); // class loader
    at = putVarint(bytes, at, symbol);
    at = putVarint(bytes, at, 0); // package: JMC wants it to be a prefix of the name, or absent
    at = putVarint(bytes, at, MODIFIER_PUBLIC);
    bytes[at++] = 0; // hidden
    return this.#write(POOL.class, name, bytes.subarray(0, at));
  }

  #text(pool: number, text: string): number {
    const known = this.#present(pool, text);
    if (known > 0) return known;
    const bytes = this.#room(text.length * 3 + 16);
    const { written } = encoder.encodeInto(text, bytes.subarray(10));
    bytes[0] = STRING_UTF8;
    const at = putVarint(bytes, 1, written);
    bytes.copyWithin(at, 10, 10 + written);
    return this.#write(pool, text, bytes.subarray(0, at + written));
  }

  /** Key of a constant that is written in this epoch already, else 0. */
  #present(pool: number, identity: string): number {
    const known = this.#tables[pool]!.get(identity);
    return known !== undefined && known.epoch === this.#writer.epoch ? known.key : 0;
  }

  #write(pool: number, identity: string, value: Uint8Array): number {
    const table = this.#tables[pool]!;
    let constant = table.get(identity);
    const key = constant?.key ?? this.#writer.nextKey();
    const head = new Uint8Array(20);
    head[0] = pool;
    const headLength = putVarint(head, 1, key);
    const record = new Uint8Array(9 + headLength + value.length);
    let end = putVarint(record, 0, headLength + value.length);
    record.set(head.subarray(0, headLength), end);
    end += headLength;
    record.set(value, end);
    if (!this.#writer.addConstant(record.subarray(0, end + value.length))) return 0;
    if (constant === undefined) {
      if (table.size >= MAX_ENTRIES) table.clear();
      constant = { key, epoch: 0 };
      table.set(identity, constant);
    }
    constant.epoch = this.#writer.epoch;
    return key;
  }

  #room(bytes: number): Uint8Array {
    if (this.#scratch.length < bytes) this.#scratch = new Uint8Array(bytes * 2);
    return this.#scratch;
  }
}

const encoder = new TextEncoder();
