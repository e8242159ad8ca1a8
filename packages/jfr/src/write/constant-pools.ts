// SPDX-License-Identifier: Apache-2.0
// Constant pools being written. An entry is encoded once, when it is first seen, and keeps its key for
// as long as it is known; each chunk gets the entries that were used in it, each of them once.
//
// Pools of one chunk make an epoch. An entry used in an epoch (asked for, or referred to by another
// that was) becomes pending, and the next checkpoint takes it. Threads and enumerations are pending
// from the start of each epoch, as in HotSpot. Keys begin with 1: key 0 means null, and the JDK's
// reader resolves -1 wrongly. FrameType alone has HotSpot's numbers, from 0.
import { ByteSink } from '@rekindle/bytes';
import { JfrError } from '../error.ts';
import type { EventRegistry } from './registry.ts';
import { FRAME_TYPES } from './standard-types.ts';
import { putString, stringBound } from './string-writer.ts';

/** What a checkpoint holds, as its type mask says. */
export const CHECKPOINT_GENERIC = 0;
export const CHECKPOINT_STATICS = 4;
export const CHECKPOINT_THREADS = 8;

/** Key of a constant within the pool of its type; 0 = none. */
export type ConstantKey = number;

export interface ThreadConstant {
  /** The kernel's thread id; readers take threads of equal id for one. */
  readonly osThreadId: number;
  readonly osName?: string;
  /** Name shown; absent for a thread that is not of the managed runtime. */
  readonly javaName?: string;
  readonly javaThreadId?: number;
  readonly group?: ConstantKey;
  readonly virtual?: boolean;
}

export interface ClassConstant {
  /** Qualified name; dots or slashes. */
  readonly name: string;
  readonly classLoader?: ConstantKey;
  /** A package constant; when given, the class name must start with the package's name. */
  readonly package?: ConstantKey;
  readonly modifiers?: number;
  readonly hidden?: boolean;
}

export interface MethodConstant {
  readonly type: ConstantKey;
  readonly name: string;
  /** In the style `(I)V`; the JDK's text printer fails on anything else. Default `()V`. */
  readonly descriptor?: string;
  readonly modifiers?: number;
  readonly hidden?: boolean;
}

export interface FrameConstant {
  readonly method: ConstantKey;
  /** 0 where not known (JMC does not like -1). */
  readonly lineNumber?: number;
  readonly bytecodeIndex?: number;
  readonly type?: (typeof FRAME_TYPES)[number];
}

interface Entry {
  readonly pool: Pool;
  readonly key: number;
  readonly identity: string;
  readonly value: Uint8Array;
  readonly references: readonly Entry[];
  /** The epoch in which it was last used. */
  epoch: number;
}

interface Pool {
  readonly name: string;
  readonly mask: number;
  readonly byIdentity: Map<string, Entry>;
  readonly byKey: Map<number, Entry>;
  pending: Entry[];
  nextKey: number;
}

const THREAD = 'java.lang.Thread';
const THREAD_GROUP = 'jdk.types.ThreadGroup';
const CLASS = 'java.lang.Class';
const CLASS_LOADER = 'jdk.types.ClassLoader';
const METHOD = 'jdk.types.Method';
const PACKAGE = 'jdk.types.Package';
const MODULE = 'jdk.types.Module';
const SYMBOL = 'jdk.types.Symbol';
const STACK_TRACE = 'jdk.types.StackTrace';
const FRAME_TYPE = 'jdk.types.FrameType';
const STRING = 'java.lang.String';

/** Pools that go whole into every chunk. */
const WHOLE_MASKS: readonly number[] = [CHECKPOINT_STATICS, CHECKPOINT_THREADS];

/** A checkpoint's pools are cut into pieces of about this many bytes. */
const PIECE = 8 << 20;

export class ConstantPools {
  readonly #registry: EventRegistry;
  readonly #pools = new Map<string, Pool>();
  readonly #scratch = new ByteSink(256);
  #epoch = 1;

  constructor(registry: EventRegistry) {
    this.#registry = registry;
  }

  /** A string for `STRING_POOLED` fields: give the key instead of the text. */
  string(text: string): ConstantKey {
    return this.#intern(this.#pool(STRING), text, [], (value) => putText(value, text)).key;
  }

  symbol(text: string): ConstantKey {
    return this.#symbol(text).key;
  }

  thread(thread: ThreadConstant): ConstantKey {
    const { osThreadId, osName, javaName, javaThreadId = 0, group = 0, virtual = false } = thread;
    const pool = this.#pool(THREAD, CHECKPOINT_THREADS);
    const references = this.#references([THREAD_GROUP, group]);
    const identity = JSON.stringify([osThreadId, osName, javaName, javaThreadId, group, virtual]);
    return this.#intern(pool, identity, references, (value) => {
      putText(value, osName ?? javaName ?? null);
      value.long(osThreadId);
      putText(value, javaName ?? null);
      value.long(javaThreadId);
      value.long(group);
      value.u8(virtual ? 1 : 0);
    }).key;
  }

  threadGroup(name: string, parent: ConstantKey = 0): ConstantKey {
    const pool = this.#pool(THREAD_GROUP, CHECKPOINT_THREADS);
    const references = this.#references([THREAD_GROUP, parent]);
    return this.#intern(pool, `${parent} ${name}`, references, (value) => {
      value.long(parent);
      putText(value, name);
    }).key;
  }

  /** A thread has ended: it is written in this chunk still, and in later ones only when used. */
  endThread(key: ConstantKey): void {
    const pool = this.#pool(THREAD, CHECKPOINT_THREADS);
    const entry = pool.byKey.get(key);
    if (entry !== undefined) pool.byIdentity.delete(entry.identity);
  }

  class(constant: ClassConstant): ConstantKey {
    const { classLoader = 0, package: packageKey = 0, modifiers = 0, hidden = false } = constant;
    const name = this.#symbol(constant.name.replaceAll('.', '/'));
    const references = [
      name,
      ...this.#references([CLASS_LOADER, classLoader], [PACKAGE, packageKey]),
    ];
    const identity = `${classLoader} ${packageKey} ${modifiers} ${hidden} ${name.key}`;
    return this.#intern(this.#pool(CLASS), identity, references, (value) => {
      value.long(classLoader);
      value.long(name.key);
      value.long(packageKey);
      value.int(modifiers);
      value.u8(hidden ? 1 : 0);
    }).key;
  }

  classLoader(name: string, type: ConstantKey = 0): ConstantKey {
    const symbol = this.#symbol(name);
    const references = [symbol, ...this.#references([CLASS, type])];
    return this.#intern(this.#pool(CLASS_LOADER), `${type} ${name}`, references, (value) => {
      value.long(type);
      value.long(symbol.key);
    }).key;
  }

  module(name: string, version = '', location = '', classLoader: ConstantKey = 0): ConstantKey {
    const symbols = [name, version, location].map((text) => this.#symbol(text));
    const references = [...symbols, ...this.#references([CLASS_LOADER, classLoader])];
    const identity = JSON.stringify([name, version, location, classLoader]);
    return this.#intern(this.#pool(MODULE), identity, references, (value) => {
      for (const { key } of symbols) value.long(key);
      value.long(classLoader);
    }).key;
  }

  package(name: string, module: ConstantKey = 0, exported = true): ConstantKey {
    const symbol = this.#symbol(name.replaceAll('.', '/'));
    const references = [symbol, ...this.#references([MODULE, module])];
    const identity = `${module} ${exported} ${symbol.key}`;
    return this.#intern(this.#pool(PACKAGE), identity, references, (value) => {
      value.long(symbol.key);
      value.long(module);
      value.u8(exported ? 1 : 0);
    }).key;
  }

  method(constant: MethodConstant): ConstantKey {
    const { type, descriptor = '()V', modifiers = 0, hidden = false } = constant;
    if (!/^\(.*\).+$/.test(descriptor)) {
      throw new JfrError(
        'JFR_BAD_VALUE',
        `${JSON.stringify(descriptor)} is no method descriptor`,
        {},
        'write ()V where the signature is not known',
      );
    }
    const name = this.#symbol(constant.name);
    const signature = this.#symbol(descriptor);
    const references = [name, signature, ...this.#references([CLASS, type])];
    const identity = `${type} ${name.key} ${signature.key} ${modifiers} ${hidden}`;
    return this.#intern(this.#pool(METHOD), identity, references, (value) => {
      value.long(type);
      value.long(name.key);
      value.long(signature.key);
      value.int(modifiers);
      value.u8(hidden ? 1 : 0);
    }).key;
  }

  /** A stack trace, innermost frame first. */
  stackTrace(frames: readonly FrameConstant[], truncated = false): ConstantKey {
    this.#frameTypes();
    let identity = truncated ? 't' : '';
    for (const { method, lineNumber = 0, bytecodeIndex = 0, type } of frames) {
      identity += `;${method}:${lineNumber}:${bytecodeIndex}:${type ?? ''}`;
    }
    const pool = this.#pool(STACK_TRACE);
    const known = pool.byIdentity.get(identity);
    if (known !== undefined) {
      this.#use(known);
      return known.key;
    }
    const references = this.#references(
      ...frames.map(({ method }): readonly [string, number] => [METHOD, method]),
    );
    return this.#intern(pool, identity, references, (value) => {
      value.u8(truncated ? 1 : 0);
      value.varint(frames.length);
      for (const { method, lineNumber = 0, bytecodeIndex = 0, type = 'Interpreted' } of frames) {
        value.long(method);
        value.int(lineNumber);
        value.int(bytecodeIndex);
        value.varint(FRAME_TYPES.indexOf(type));
      }
    }).key;
  }

  /** A value of a type whose only field is a string and whose values are not known beforehand. */
  simple(typeName: string, text: string): ConstantKey {
    return this.#intern(this.#pool(typeName), text, [], (value) => putText(value, text)).key;
  }

  /** The key of an enumeration's value; the whole enumeration is in every chunk. */
  enumeration(typeName: string, text: string): ConstantKey {
    const key = (this.#registry.enumerations.get(typeName)?.indexOf(text) ?? -1) + 1;
    if (key === 0) throw new JfrError('JFR_BAD_VALUE', `${typeName} has no value "${text}"`);
    return key;
  }

  /**
   * Says that a key obtained earlier is used in this epoch too. False when the constant has been
   * forgotten since (it was not used during a whole epoch): ask for it anew.
   */
  use(typeName: string, key: ConstantKey): boolean {
    const entry = this.#pools.get(typeName)?.byKey.get(key);
    if (entry === undefined) return false;
    this.#use(entry);
    return true;
  }

  /** Begins the epoch of a new chunk, into which nothing has been written yet. */
  beginEpoch(): void {
    const last = this.#epoch;
    for (const pool of this.#pools.values()) {
      pool.pending = [];
      if (pool.mask === CHECKPOINT_STATICS) continue;
      for (const entry of pool.byKey.values()) {
        const named = pool.byIdentity.get(entry.identity) === entry;
        // a thread is kept until it has ended; then it has no name here any more
        if (entry.epoch === last || (named && pool.mask === CHECKPOINT_THREADS)) continue;
        pool.byKey.delete(entry.key);
        if (named) pool.byIdentity.delete(entry.identity);
      }
    }
    this.#epoch++;
    this.#enumerations();
    for (const pool of this.#pools.values()) {
      if (!WHOLE_MASKS.includes(pool.mask)) continue;
      for (const entry of pool.byIdentity.values()) this.#use(entry);
    }
  }

  /** Are there constants that no checkpoint has taken yet? */
  get hasPending(): boolean {
    this.#enumerations();
    for (const pool of this.#pools.values()) if (pool.pending.length > 0) return true;
    return false;
  }

  /**
   * Hands over what is pending, as the content of one or more checkpoints: their type mask, the number
   * of pools and the bytes of the pools. No pool is empty. Statics come first, then threads.
   */
  takePending(emit: (mask: number, poolCount: number, pools: Uint8Array) => void): void {
    this.#enumerations();
    for (const mask of [CHECKPOINT_STATICS, CHECKPOINT_THREADS, CHECKPOINT_GENERIC]) {
      const sink = new ByteSink(1024);
      let count = 0;
      const flush = (): void => {
        if (count > 0) emit(mask, count, sink.view());
        sink.clear();
        count = 0;
      };
      for (const pool of this.#pools.values()) {
        if (pool.mask !== mask) continue;
        const { pending } = pool;
        pool.pending = [];
        for (let from = 0; from < pending.length; ) {
          const until = pieceEnd(pending, from);
          sink.varint(this.#registry.idOf(pool.name));
          sink.varint(until - from);
          for (; from < until; from++) {
            sink.varint(pending[from]!.key);
            sink.bytes(pending[from]!.value);
          }
          count++;
          if (sink.length >= PIECE) flush();
        }
      }
      flush();
    }
  }

  #symbol(text: string): Entry {
    return this.#intern(this.#pool(SYMBOL), text, [], (value) => putText(value, text));
  }

  /** Enumerations and frame types are written whole, and with the keys that are theirs. */
  #enumerations(): void {
    for (const [name, values] of this.#registry.enumerations) {
      if (!this.#pools.has(name)) this.#whole(name, values, 1);
    }
  }

  #frameTypes(): void {
    if (!this.#pools.has(FRAME_TYPE)) this.#whole(FRAME_TYPE, FRAME_TYPES, 0);
  }

  #whole(name: string, values: readonly string[], firstKey: number): void {
    const pool = this.#pool(name, CHECKPOINT_STATICS);
    pool.nextKey = firstKey;
    for (const text of values) this.#intern(pool, text, [], (value) => putText(value, text));
  }

  #pool(name: string, mask = CHECKPOINT_GENERIC): Pool {
    let pool = this.#pools.get(name);
    if (pool === undefined) {
      this.#registry.idOf(name);
      pool = { name, mask, byIdentity: new Map(), byKey: new Map(), pending: [], nextKey: 1 };
      this.#pools.set(name, pool);
    }
    return pool;
  }

  #references(...keys: readonly (readonly [type: string, key: ConstantKey])[]): Entry[] {
    const found: Entry[] = [];
    for (const [type, key] of keys) {
      if (key === 0) continue;
      const entry = this.#pools.get(type)?.byKey.get(key);
      if (entry === undefined) {
        throw new JfrError(
          'JFR_BAD_VALUE',
          `no constant of ${type} has the key ${key}`,
          {},
          'constants that a whole chunk does not use are forgotten: ask for them anew',
        );
      }
      found.push(entry);
    }
    return found;
  }

  #intern(
    pool: Pool,
    identity: string,
    references: readonly Entry[],
    encode: (value: ByteSink) => void,
  ): Entry {
    let entry = pool.byIdentity.get(identity);
    if (entry === undefined) {
      this.#scratch.clear();
      encode(this.#scratch);
      const value = this.#scratch.copy();
      entry = { pool, key: pool.nextKey++, identity, value, references, epoch: 0 };
      pool.byIdentity.set(identity, entry);
      pool.byKey.set(entry.key, entry);
    }
    this.#use(entry);
    return entry;
  }

  #use(entry: Entry): void {
    if (entry.epoch === this.#epoch) return;
    entry.epoch = this.#epoch;
    entry.pool.pending.push(entry);
    for (const reference of entry.references) this.#use(reference);
  }
}

function pieceEnd(entries: readonly Entry[], from: number): number {
  let size = 0;
  let until = from;
  while (until < entries.length && size < PIECE) size += entries[until++]!.value.length + 9;
  return until;
}

function putText(sink: ByteSink, text: string | null): void {
  const scratch = new Uint8Array(stringBound(text));
  sink.bytes(scratch.subarray(0, putString(scratch, 0, text)));
}
