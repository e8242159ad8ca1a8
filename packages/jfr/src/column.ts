// SPDX-License-Identifier: Apache-2.0
// One field of many events, as a typed array.
import { JfrError } from './error.ts';
import type { StringTable } from './string-table.ts';
import type { Field } from './type-model.ts';
import { exactLong, isStruct, type Value } from './value.ts';

export type NumberArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

interface ColumnBase {
  /** Path of the field: `guestPhysical`, `heapSpace.committedSize`. */
  readonly name: string;
  readonly field: Field;
  readonly length: number;
  /** The value of a row, as in an event object. */
  get(row: number): Value;
}

/** boolean (0 or 1), byte, short, char, int, float, double; unsigned where the field says so. */
export interface NumberColumn extends ColumnBase {
  readonly kind: 'boolean' | 'byte' | 'short' | 'char' | 'int' | 'float' | 'double';
  readonly values: NumberArray;
}

/**
 * A long. `values` is a Float64Array where every value is exact (below 2^53 in size), a BigInt64Array -
 * BigUint64Array for @Unsigned - where one is not. Timestamps in ticks are relative to `base`, the
 * chunk's startTicks; `base` is 0 for all other fields, and always 0 where `values` are bigints.
 */
export interface LongColumn extends ColumnBase {
  readonly kind: 'long';
  readonly values: Float64Array | BigInt64Array | BigUint64Array;
  readonly base: bigint;
}

/** Strings by index into the table of the distinct ones; -1 = null. Equal texts have equal indices. */
export interface StringColumn extends ColumnBase {
  readonly kind: 'string';
  readonly indices: Int32Array;
  readonly strings: { readonly length: number; get(index: number): string | null };
  text(row: number): string | null;
}

/** References by index into a constant pool; -1 = null or lost. */
export interface ReferenceColumn extends ColumnBase {
  readonly kind: 'reference';
  readonly indices: Int32Array;
  readonly pool: { readonly length: number; get(index: number): Value };
  /** The constant's text where it is one (an enumeration, a symbol), else null. */
  text(row: number): string | null;
}

/** What has no typed array (arrays): decoded row by row when asked for. */
export interface ValueColumn extends ColumnBase {
  readonly kind: 'value';
  /** Where in the chunk's bytes the values are; empty in columns of several chunks. */
  readonly offsets: Float64Array;
}

export type Column = NumberColumn | LongColumn | StringColumn | ReferenceColumn | ValueColumn;

/** The text of a constant: itself, or the one string of a struct of one field. */
export function textOf(value: Value): string | null {
  if (typeof value === 'string') return value;
  if (!isStruct(value)) return null;
  const names = Object.keys(Object.getPrototypeOf(value));
  const only = names.length === 1 ? value[names[0]!] : null;
  return typeof only === 'string' ? only : null;
}

/** Columns of one event type, all of one length. */
export class Columns {
  /** Event type name. */
  readonly eventName: string;
  /** Number of rows. */
  readonly length: number;
  /** In the order of the fields. */
  readonly all: readonly Column[];
  readonly #byName: Map<string, Column>;

  constructor(eventName: string, length: number, all: readonly Column[]) {
    this.eventName = eventName;
    this.length = length;
    this.all = all;
    this.#byName = new Map(all.map((column) => [column.name, column]));
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** Throws JFR_UNKNOWN_NAME when there is no such column. */
  get(name: string): Column {
    const column = this.#byName.get(name);
    if (column === undefined) {
      throw new JfrError(
        'JFR_UNKNOWN_NAME',
        `${this.eventName} has no column ${name}`,
        {},
        `columns are ${[...this.#byName.keys()].join(', ')}`,
      );
    }
    return column;
  }

  /**
   * A numeric column as numbers. Throws JFR_INEXACT_NUMBER when a value lies beyond 2^53, and
   * JFR_UNKNOWN_NAME when the column is no number.
   */
  numbers(name: string): NumberArray {
    const column = this.get(name);
    if (column.kind === 'long') {
      if (column.values instanceof Float64Array) return column.values;
      throw new JfrError(
        'JFR_INEXACT_NUMBER',
        `column ${name} of ${this.eventName} holds values beyond 2^53`,
        {},
        'use bigints()',
      );
    }
    if ('values' in column) return column.values;
    throw new JfrError('JFR_UNKNOWN_NAME', `column ${name} of ${this.eventName} is no number`);
  }

  /** A long column as bigints, always exact; timestamps in ticks are absolute here. */
  bigints(name: string): BigInt64Array | BigUint64Array {
    const column = this.get(name);
    if (column.kind !== 'long') {
      throw new JfrError('JFR_UNKNOWN_NAME', `column ${name} of ${this.eventName} is no long`);
    }
    const { values, base } = column;
    if (!(values instanceof Float64Array)) return values;
    const exact = new BigInt64Array(values.length);
    for (let row = 0; row < exact.length; row++) exact[row] = BigInt(values[row]!) + base;
    return exact;
  }

  /** The text of a string column, or of a reference to an enumeration; null for null. */
  text(name: string, row: number): string | null {
    const column = this.get(name);
    if (column.kind === 'string' || column.kind === 'reference') return column.text(row);
    throw new JfrError('JFR_UNKNOWN_NAME', `column ${name} of ${this.eventName} is no text`);
  }
}

export function numberColumn(
  kind: NumberColumn['kind'],
  name: string,
  field: Field,
  values: NumberArray,
): NumberColumn {
  const get = (row: number): Value => {
    const value = values[row]!;
    if (kind === 'boolean') return value !== 0;
    return kind === 'char' ? String.fromCharCode(value) : value;
  };
  return { kind, name, field, length: values.length, values, get };
}

export function longColumn(
  name: string,
  field: Field,
  values: LongColumn['values'],
  base: bigint,
): LongColumn {
  const get = (row: number): Value => {
    const value = values[row]!;
    if (typeof value === 'number' && base === 0n) return value;
    return exactLong(BigInt(value) + base);
  };
  return { kind: 'long', name, field, length: values.length, values, base, get };
}

/** A string column over the distinct texts. */
export function textColumn(
  name: string,
  field: Field,
  indices: Int32Array,
  strings: StringColumn['strings'],
): StringColumn {
  const text = (row: number): string | null => strings.get(indices[row] ?? -1);
  return { kind: 'string', name, field, length: indices.length, indices, strings, get: text, text };
}

/** Texts by index; null for -1. */
export function textsOf(texts: readonly string[]): StringColumn['strings'] {
  return { length: texts.length, get: (index) => texts[index] ?? null };
}

export function referenceColumn(
  name: string,
  field: Field,
  indices: Int32Array,
  pool: ReferenceColumn['pool'],
): ReferenceColumn {
  return {
    kind: 'reference',
    name,
    field,
    length: indices.length,
    indices,
    pool,
    get: (row) => pool.get(indices[row] ?? -1),
    text: (row) => textOf(pool.get(indices[row] ?? -1)),
  };
}

/** Equal texts that came in different encodings get one index. */
export function stringColumn(
  name: string,
  field: Field,
  indices: Int32Array,
  strings: StringTable,
): StringColumn {
  if (strings.mixed) {
    const first = new Map<string, number>();
    const same = new Int32Array(strings.length);
    for (let index = 0; index < same.length; index++) {
      const text = strings.get(index) ?? '';
      const known = first.get(text);
      if (known === undefined) first.set(text, index);
      same[index] = known ?? index;
    }
    for (let row = 0; row < indices.length; row++) {
      const index = indices[row]!;
      if (index >= 0) indices[row] = same[index]!;
    }
  }
  return textColumn(name, field, indices, strings);
}
