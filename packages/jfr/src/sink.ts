// SPDX-License-Identifier: Apache-2.0
// Where decoders put what they read, one sink per selected field. The interpreter calls `read`; compiled
// decoders write straight into `values` or `indices` and call `big`, `table` and `pool` only for what is
// rare or costly.
import { ByteCursor } from '@rekindle/bytes';
import { type Arena, type ArrayType, makeArray } from './arena.ts';
import {
  type Column,
  longColumn,
  type NumberArray,
  type NumberColumn,
  numberColumn,
  referenceColumn,
  stringColumn,
} from './column.ts';
import type { Layouts, Leaf } from './plan.ts';
import type { Pool } from './pool.ts';
import { skipValue } from './skip.ts';
import { STRING_POOLED, skipString } from './string-encoding.ts';
import { StringTable } from './string-table.ts';
import type { Value } from './value.ts';

export interface Sink {
  readonly leaf: Leaf;
  /** Reads the value of a row and moves the cursor past it. */
  read(cursor: ByteCursor, row: number): void;
  /** The column of the first `length` rows. */
  finish(length: number): Column;
}

/** What a sink may need to know of its chunk. */
export interface SinkContext {
  readonly bytes: Uint8Array;
  readonly layouts: Layouts;
  readonly startTicks: bigint;
  /** Where the arrays of columns are to be. */
  readonly arena: Arena | undefined;
  pool(leaf: Leaf): Pool;
  stringPool(): Pool | undefined;
  readAt(leaf: Leaf, offset: number): Value;
}

export function makeSink(leaf: Leaf, rows: number, context: SinkContext): Sink {
  const { op, field } = leaf;
  const { arena } = context;
  switch (op.kind) {
    case 'long': {
      const base = field.timestamp === 'TICKS' ? context.startTicks : 0n;
      return new LongSink(leaf, makeArray(arena, Float64Array, rows), base);
    }
    case 'string':
      return new StringSink(leaf, rows, context);
    case 'reference':
      return new ReferenceSink(leaf, makeArray(arena, Int32Array, rows), context.pool(leaf));
    case 'array':
    case 'struct':
      return new OffsetSink(leaf, rows, context);
    default:
      return new NumberSink(leaf, makeArray(arena, numberArray(leaf), rows));
  }
}

function numberArray(leaf: Leaf): ArrayType<NumberArray> {
  const { unsigned } = leaf.field;
  switch (leaf.op.kind) {
    case 'boolean':
      return Uint8Array;
    case 'byte':
      return unsigned ? Uint8Array : Int8Array;
    case 'short':
      return unsigned ? Uint16Array : Int16Array;
    case 'char':
      return Uint16Array;
    case 'int':
      return unsigned ? Uint32Array : Int32Array;
    case 'float':
      return Float32Array;
    default:
      return Float64Array;
  }
}

class NumberSink implements Sink {
  readonly leaf: Leaf;
  readonly values: NumberArray;

  constructor(leaf: Leaf, values: NumberArray) {
    this.leaf = leaf;
    this.values = values;
  }

  read(cursor: ByteCursor, row: number): void {
    switch (this.leaf.op.kind) {
      case 'boolean':
        this.values[row] = cursor.u8() === 0 ? 0 : 1;
        return;
      case 'byte':
        this.values[row] = cursor.u8();
        return;
      case 'float':
        this.values[row] = cursor.f32be();
        return;
      case 'double':
        this.values[row] = cursor.f64be();
        return;
      default:
        this.values[row] = cursor.int();
    }
  }

  finish(length: number): NumberColumn {
    const { op, path, field } = this.leaf;
    const values = this.values.subarray(0, length);
    return numberColumn(op.kind as NumberColumn['kind'], path, field, values);
  }
}

const EXACT = Number.MAX_SAFE_INTEGER;

/** Longs relative to a base, as numbers; the few that are not exact are kept as bigints beside them. */
class LongSink implements Sink {
  readonly leaf: Leaf;
  readonly values: Float64Array;
  readonly base: bigint;
  /** The base in the three groups of bits of a varint, for compiled decoders. */
  readonly groups: readonly [number, number, number];
  readonly #inexact: Map<number, bigint> = new Map();

  constructor(leaf: Leaf, values: Float64Array, base: bigint) {
    this.leaf = leaf;
    this.values = values;
    this.base = base;
    const bits = BigInt.asUintN(64, base);
    this.groups = [
      Number(bits & 0xfffffffn),
      Number((bits >> 28n) & 0xfffffffn),
      Number(bits >> 56n),
    ];
  }

  read(cursor: ByteCursor, row: number): void {
    this.#put(row, BigInt(cursor.long()));
  }

  /** A value in three groups of bits (0..27, 28..55, 56..63) that did not fit the compiled fast path. */
  big(row: number, low: number, middle: number, high: number): void {
    const bits = (BigInt(high) << 56n) | (BigInt(middle) << 28n) | BigInt(low);
    this.#put(row, BigInt.asIntN(64, bits));
  }

  #put(row: number, signed: bigint): void {
    const whole = this.leaf.field.unsigned ? BigInt.asUintN(64, signed) : signed;
    const value = whole - this.base;
    const number = Number(value);
    if (number <= EXACT && number >= -EXACT) {
      this.values[row] = number;
    } else {
      this.#inexact.set(row, value);
      this.values[row] = Number.NaN;
    }
  }

  finish(length: number): Column {
    const { path, field } = this.leaf;
    const numbers = this.values.subarray(0, length);
    const exact = this.#inexact.size === 0;
    return exact
      ? longColumn(path, field, numbers, this.base)
      : longColumn(path, field, this.#widen(numbers), 0n);
  }

  /** All of them as bigints, absolute: value - base may not fit 64 bits. */
  #widen(numbers: Float64Array): BigInt64Array | BigUint64Array {
    const { length } = numbers;
    const wide = this.leaf.field.unsigned ? new BigUint64Array(length) : new BigInt64Array(length);
    for (let row = 0; row < length; row++) {
      wide[row] = (this.#inexact.get(row) ?? BigInt(numbers[row]!)) + this.base;
    }
    return wide;
  }
}

class StringSink implements Sink {
  readonly leaf: Leaf;
  readonly indices: Int32Array;
  readonly table: StringTable;

  constructor(leaf: Leaf, rows: number, context: SinkContext) {
    this.leaf = leaf;
    this.indices = makeArray(context.arena, Int32Array, rows);
    this.table = new StringTable(context.bytes, context.stringPool());
  }

  read(cursor: ByteCursor, row: number): void {
    const start = cursor.position;
    cursor.require(1);
    if (cursor.bytes[start] === STRING_POOLED) {
      cursor.skip(1);
      this.indices[row] = this.table.pooled(cursor.long());
      return;
    }
    cursor.seek(skipString(cursor.bytes, start, cursor.limit));
    this.indices[row] = this.table.inline(start, cursor.position);
  }

  finish(length: number): Column {
    const { path, field } = this.leaf;
    return stringColumn(path, field, this.indices.subarray(0, length), this.table);
  }
}

class ReferenceSink implements Sink {
  readonly leaf: Leaf;
  readonly indices: Int32Array;
  readonly pool: Pool;

  constructor(leaf: Leaf, indices: Int32Array, pool: Pool) {
    this.leaf = leaf;
    this.indices = indices;
    this.pool = pool;
  }

  read(cursor: ByteCursor, row: number): void {
    this.indices[row] = this.pool.indexOf(cursor.long());
  }

  finish(length: number): Column {
    const { path, field } = this.leaf;
    return referenceColumn(path, field, this.indices.subarray(0, length), this.pool);
  }
}

/** Remembers where a value is; it is decoded when asked for. */
class OffsetSink implements Sink {
  readonly leaf: Leaf;
  readonly values: Float64Array;
  readonly #context: SinkContext;

  constructor(leaf: Leaf, rows: number, context: SinkContext) {
    this.leaf = leaf;
    this.values = makeArray(context.arena, Float64Array, rows);
    this.#context = context;
  }

  read(cursor: ByteCursor, row: number): void {
    this.values[row] = cursor.position;
    skipValue(this.leaf.op, this.#context.layouts, cursor);
  }

  finish(length: number): Column {
    const { path, field } = this.leaf;
    const offsets = this.values.subarray(0, length);
    const get = (row: number): Value => this.#context.readAt(this.leaf, offsets[row]!);
    return { kind: 'value', name: path, field, length, offsets, get };
  }
}

/** Skips what nobody asked for. */
export function skipLeaf(leaf: Leaf, layouts: Layouts, cursor: ByteCursor): void {
  skipValue(leaf.op, layouts, cursor);
}

/** A cursor over the payload of the event at `offset`: after its size and type, up to its end. */
export function payload(bytes: Uint8Array, offset: number): ByteCursor {
  const head = new ByteCursor(bytes, offset);
  const size = head.varint();
  head.long(); // type id
  return new ByteCursor(bytes, head.position, offset + size);
}
