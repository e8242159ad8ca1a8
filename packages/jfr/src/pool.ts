// SPDX-License-Identifier: Apache-2.0
// Constant pools: what the checkpoints of a chunk (type id 1) hold.
//
//   size · 1 · startTicks · duration · delta · mask · poolCount · pool×poolCount
//   pool := typeId · entryCount · (key · value)×entryCount
//
// Keys are signed; 0 means null unless the pool holds a key 0. The pools of one type from all the
// checkpoints of a chunk are one pool; where a key comes twice, the newest counts (as in JMC).
import { ByteCursor } from '@rekindle/bytes';
import { type Arena, makeArray } from './arena.ts';
import { JfrError } from './error.ts';
import { KeyIndex } from './key-index.ts';
import type { Indexed } from './scan-wasm.ts';
import type { ClassType } from './type-model.ts';
import type { Value } from './value.ts';

/** Keys below this times the number of entries are looked up in an array instead of a map. */
const DENSE_FACTOR = 4;
const DENSE_FLOOR = 65_536;
/** Room is made for so many entries on a checkpoint's word alone. */
const MOST_EXPECTED = 65_536;

const NO_KEYS: Float64Array = new Float64Array(0);
const NO_OFFSETS: Uint32Array = new Uint32Array(0);

/** Index of an entry in a {@link Pool}; -1 = null, or a key the pool does not hold. */
export type PoolIndex = number;

/** The constants of one class in one chunk. Values are decoded when first asked for, once. */
export class Pool {
  readonly type: ClassType;
  readonly #read: (offset: number) => Value;
  #length = 0;
  /** NaN where the key is beyond 2^53. */
  #keys: Float64Array = NO_KEYS;
  /** A chunk in memory is less than 4 GiB. */
  #offsets: Uint32Array = NO_OFFSETS;
  readonly #large: Map<number, bigint> = new Map();
  #values: (Value | undefined)[] = [];
  /** Null where it cannot be. */
  #hashed: KeyIndex | null | undefined;
  #map: Map<number | bigint, number> | undefined;
  #dense: Int32Array | undefined;
  readonly #arena: Arena | undefined;

  constructor(type: ClassType, read: (offset: number) => Value, arena?: Arena) {
    this.type = type;
    this.#read = read;
    this.#arena = arena;
  }

  /** Number of entries, replaced ones included. */
  get length(): number {
    return this.#length;
  }

  /** So many entries are said to come: room for them at once, unless they are suspiciously many. */
  expect(count: number): void {
    this.#reserve(this.#length + Math.min(count, MOST_EXPECTED));
  }

  /** Adds an entry; its value begins at `offset`. */
  add(key: number | bigint, offset: number): void {
    this.#grow(1);
    const index = this.#length++;
    if (typeof key === 'bigint') this.#large.set(index, key);
    this.#keys[index] = typeof key === 'bigint' ? Number.NaN : key;
    this.#offsets[index] = offset;
  }

  /** Adds entries; their values begin at the offsets and `shift`. */
  addAll({ keys, offsets }: Indexed, shift: number): void {
    this.#grow(keys.length);
    this.#keys.set(keys, this.#length);
    for (let index = 0; index < offsets.length; index++) {
      this.#offsets[this.#length + index] = offsets[index]! + shift;
    }
    this.#length += keys.length;
  }

  #grow(count: number): void {
    this.#map = undefined;
    this.#hashed = undefined;
    this.#dense = undefined;
    this.#reserve(this.#length + count);
  }

  #reserve(wanted: number): void {
    if (wanted <= this.#keys.length) return;
    const [keys, offsets] = [this.#keys, this.#offsets];
    // exactly what is expected first; most pools come in one piece
    const room = this.#length === 0 ? wanted : Math.max(wanted, 2 * keys.length, 16);
    this.#keys = makeArray(this.#arena, Float64Array, room);
    this.#offsets = makeArray(this.#arena, Uint32Array, room);
    this.#keys.set(keys);
    this.#offsets.set(offsets);
  }

  key(index: PoolIndex): number | bigint {
    if (!(index >= 0 && index < this.#length)) return 0;
    return this.#large.get(index) ?? this.#keys[index]!;
  }

  /** Offset of an entry's value in the chunk. */
  offset(index: PoolIndex): number | undefined {
    return index < this.#length ? this.#offsets[index] : undefined;
  }

  /** The entry with a key; -1 when there is none. */
  indexOf(key: number | bigint): PoolIndex {
    const { dense, hashed } = this;
    if (dense.length > 0) return typeof key === 'number' ? (dense[key] ?? -1) : -1;
    if (hashed !== undefined) return typeof key === 'number' ? hashed.get(key) : -1;
    return this.#mapped.get(key) ?? -1;
  }

  /** Entry by key where keys are neither dense nor beyond 2^53, nor made to be slow. */
  get hashed(): KeyIndex | undefined {
    if (this.#hashed === undefined) {
      const plain = this.dense.length === 0 && this.#large.size === 0;
      this.#hashed =
        (plain && KeyIndex.of(this.#keys.subarray(0, this.#length), this.#arena)) || null;
    }
    return this.#hashed ?? undefined;
  }

  get #mapped(): Map<number | bigint, number> {
    if (this.#map === undefined) {
      this.#map = new Map();
      for (let index = 0; index < this.#length; index++) this.#map.set(this.key(index), index);
    }
    return this.#map;
  }

  /** Entry by key where the keys are dense: -1 for holes. Empty where they are not. */
  get dense(): Int32Array {
    this.#dense ??= this.#makeDense();
    return this.#dense;
  }

  #makeDense(): Int32Array {
    const keys = this.#keys.subarray(0, this.#length);
    const limit = Math.max(DENSE_FLOOR, keys.length * DENSE_FACTOR);
    let largest = 0;
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index]!;
      if (!(key >= 0 && key < limit)) return new Int32Array(0);
      if (key > largest) largest = key;
    }
    const dense = makeArray(this.#arena, Int32Array, largest + 1).fill(-1);
    for (let index = 0; index < keys.length; index++) dense[keys[index]!] = index;
    return dense;
  }

  /** The value of an entry; null for -1. */
  get(index: PoolIndex): Value {
    const known = this.#values[index];
    if (known !== undefined) return known;
    const offset = this.offset(index);
    if (offset === undefined) return null;
    const value = this.#read(offset);
    // as long as it will be from the start: an array that grows by leaps becomes a hash table
    if (this.#values.length < this.#length) {
      const known = this.#values;
      this.#values = new Array<Value | undefined>(this.#length).fill(undefined);
      for (const [at, old] of known.entries()) this.#values[at] = old;
    }
    this.#values[index] = value;
    return value;
  }

  /** The value with a key; null when the pool does not hold it. */
  resolve(key: number | bigint): Value {
    return this.get(this.indexOf(key));
  }
}

/** What a checkpoint says about itself. */
export interface CheckpointHead {
  readonly size: number;
  /** Offset of the previous checkpoint minus the offset of this one; 0 for the first. */
  readonly delta: number;
  /** Bits: 1 flush, 2 chunk header, 4 statics, 8 thread. */
  readonly mask: number;
  readonly poolCount: number;
  /** Offset of the first pool. */
  readonly body: number;
}

/** Reads the head of the checkpoint at `offset`. Throws ByteError or JFR_WRONG_EVENT (offset relative). */
export function readCheckpointHead(bytes: Uint8Array, offset: number): CheckpointHead {
  const cursor = new ByteCursor(bytes, offset);
  const size = cursor.varint();
  const type = cursor.varint();
  if (type !== 1) {
    throw new JfrError('JFR_WRONG_EVENT', `event of type ${type} where a checkpoint must be`, {
      offset,
    });
  }
  if (size > bytes.length - offset) {
    throw new JfrError('JFR_BAD_EVENT_SIZE', `checkpoint of ${size} bytes`, { offset });
  }
  cursor.long(); // start ticks
  cursor.long(); // duration
  const delta = cursor.long();
  const mask = cursor.u8();
  const poolCount = cursor.varint();
  if (typeof delta === 'bigint') {
    throw new JfrError('JFR_BAD_POINTER', `checkpoint delta ${delta}`, { offset });
  }
  return { size, delta, mask, poolCount, body: cursor.position };
}
