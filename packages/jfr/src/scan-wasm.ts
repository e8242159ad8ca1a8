// SPDX-License-Identifier: Apache-2.0
// scan.wat at work: its memory and its functions. Where WebAssembly is missing, or a page's content
// security policy forbids it, there is none of these, and TypeScript does the same, four times slower.
import { SCAN_MODULE } from './scan-module.ts';

/** Type ids of one or two bytes are below this. */
export const COMMON_TYPE_IDS = 16_384;

/** Places in the memory, as scan.wat has them. */
const TABLE = 131_072;
const PROGRAM = 147_456;
const FREE = 148_480;
const PAGE = 65_536;

/** One that has been used is kept for the next, unless its memory has become larger than this. */
const KEEP_BYTES: number = 4 << 20;

/** Constants stepped over at a time, and the memory that what is found takes. */
export const INDEX_BATCH = 4096;
export const INDEX_ROOM: number = INDEX_BATCH * 12;

/** Constants: their keys, and where their values begin. */
export interface Indexed {
  readonly keys: Float64Array;
  readonly offsets: Int32Array;
  /** Where the next begins. */
  readonly next: number;
}

/** Longer content of a metadata event is left to TypeScript: ten times what any producer writes. */
const METADATA_BYTES: number = 4 << 20;
const MAX_CLASSES = 8192;

/** Content of a metadata event: where its strings begin, and its classes - two below the root. */
export interface LocatedMetadata {
  readonly strings: Uint32Array;
  readonly classes: Uint32Array;
}

interface ScanExports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly position: { readonly value: number };
  walk(start: number, end: number, value: number, tallied: number): number;
  tallied(from: number): number;
  index(
    start: number,
    limit: number,
    base: number,
    count: number,
    keys: number,
    offsets: number,
  ): number;
  strings(start: number, limit: number, base: number, count: number, offsets: number): number;
  classes(start: number, limit: number, base: number, from: number, to: number): number;
}

/** What is used of WebAssembly; its types come with those of browsers only. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
}

let compiled: (() => ScanExports) | false | undefined;
let idle: ScanMemory | undefined;

export class ScanMemory {
  readonly #exports: ScanExports;
  #bytes: Uint8Array;

  private constructor(exports: ScanExports) {
    this.#exports = exports;
    this.#bytes = new Uint8Array(this.#exports.memory.buffer);
  }

  /** For one user at a time, until {@link release}; undefined where there is no WebAssembly. */
  static take(): ScanMemory | undefined {
    compiled ??= compile();
    if (compiled === false) return undefined;
    const memory = idle ?? new ScanMemory(compiled());
    idle = undefined;
    memory.table.fill(0);
    return memory;
  }

  /** Nothing may be read into the memory any more. */
  release(): void {
    if (this.#bytes.length <= KEEP_BYTES) idle = this;
  }

  /** Memory for the caller. What was given out before may be lost. */
  reserve(length: number): Uint8Array {
    const missing = FREE + length - this.#bytes.length;
    if (missing > 0) {
      const { memory } = this.#exports;
      memory.grow(Math.ceil(missing / PAGE));
      this.#bytes = new Uint8Array(memory.buffer);
    }
    return this.#bytes.subarray(FREE, FREE + length);
  }

  /** By type id: what {@link walk} is to pass over. */
  get table(): Uint8Array {
    return this.#bytes.subarray(TABLE, TABLE + COMMON_TYPE_IDS);
  }

  has(bytes: Uint8Array): boolean {
    return bytes.buffer === this.#bytes.buffer;
  }

  /**
   * Steps over events as long as the table has `value` for their types, and tallies them where that is
   * asked for. `bytes` are of this memory.
   */
  walk(bytes: Uint8Array, start: number, end: number, value: number, tallied = false): number {
    const base = bytes.byteOffset;
    return this.#exports.walk(base + start, base + end, value, tallied ? 1 : 0) - base;
  }

  /** Loads what {@link index} steps over: see pool-program.ts. */
  set program(program: Uint8Array) {
    this.#bytes.set(program, PROGRAM);
  }

  /**
   * Steps over constants from `start` - at most {@link INDEX_BATCH} - and returns how many: those before
   * one with a key beyond 2^53 or that does not fit. `indexed` tells of them. `bytes` are of this memory,
   * and begin with {@link INDEX_ROOM} for the outcome.
   */
  index(bytes: Uint8Array, start: number, end: number, count: number): Indexed {
    const base = bytes.byteOffset;
    const offsets = base + INDEX_BATCH * 8;
    const done = this.#exports.index(
      base + start,
      base + end,
      base,
      Math.min(count, INDEX_BATCH),
      base,
      offsets,
    );
    const { buffer } = this.#bytes;
    return {
      keys: new Float64Array(buffer, base, done),
      offsets: new Int32Array(buffer, offsets, done),
      next: this.#exports.position.value - base,
    };
  }

  /**
   * Steps through the content of a metadata event, which has its string table of `count` at `at`.
   * Undefined where it cannot, and TypeScript is to say why.
   */
  metadata(content: Uint8Array, at: number, count: number): LocatedMetadata | undefined {
    if (content.length > METADATA_BYTES || count > content.length) return undefined;
    const lists = (count + MAX_CLASSES) * 4;
    const room = this.reserve(lists + content.length);
    const strings = room.byteOffset;
    const classes = strings + count * 4;
    const base = strings + lists;
    room.set(content, lists);
    const limit = base + content.length;
    const root = this.#exports.strings(base + at, limit, base, count, strings);
    if (root < 0) return undefined;
    const end = this.#exports.classes(root, limit, base, classes, base);
    if (end < 0) return undefined;
    const { buffer } = room;
    return {
      strings: new Uint32Array(buffer, strings, count).slice(),
      classes: new Uint32Array(buffer, classes, (end - classes) / 4).slice(),
    };
  }

  /** Hands out what was tallied since the last time. */
  takeTally(add: (typeId: number, count: number, bytes: number) => void): void {
    const tally = new Uint32Array(this.#bytes.buffer, 0, 2 * COMMON_TYPE_IDS);
    const next = (from: number): number => this.#exports.tallied(from);
    for (let typeId = next(0); typeId < COMMON_TYPE_IDS; typeId = next(typeId + 1)) {
      add(typeId, tally[2 * typeId]!, tally[2 * typeId + 1]!);
    }
    tally.fill(0);
  }
}

function compile(): (() => ScanExports) | false {
  const { WebAssembly: api } = globalThis as { readonly WebAssembly?: WebAssemblyApi };
  if (api === undefined) return false;
  try {
    const module = new api.Module(Uint8Array.from(atob(SCAN_MODULE), (c) => c.charCodeAt(0)));
    return () => new api.Instance(module).exports as ScanExports;
  } catch {
    return false; // forbidden, or without 128-bit vectors
  }
}
