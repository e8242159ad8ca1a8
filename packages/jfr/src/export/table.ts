// SPDX-License-Identifier: Apache-2.0
// The events of a type as one flat table of plain values: for Parquet and SQL.
import type { Column, Columns, LongColumn, ReferenceColumn } from '../column.ts';
import type { Recording } from '../recording.ts';
import { isStruct, type Value } from '../value.ts';
import { constantText, framesOf } from './constant-text.ts';

/**
 * What the values of a column are: `int` fits 32 bits; `long` and `unsigned` are bigints of 64 bits;
 * `timestamp` is a bigint of nanoseconds since 1970; `text` is a string or null.
 */
export type TableColumnKind =
  | 'boolean'
  | 'int'
  | 'long'
  | 'unsigned'
  | 'float'
  | 'double'
  | 'timestamp'
  | 'text';

export interface TableColumn {
  readonly name: string;
  readonly kind: TableColumnKind;
  readonly values: readonly (boolean | number | bigint | string | null)[];
}

/** The events of one type, a row each. */
export interface EventTable {
  readonly event: string;
  readonly length: number;
  readonly columns: readonly TableColumn[];
}

/**
 * Timespans in ticks become nanoseconds, other timespans stay in the unit of their field. Threads,
 * classes, methods and the like become their text; a thread has its ids in columns of their own, a stack
 * trace its innermost frame. Structs and arrays without a text become JSON.
 */
export async function eventTable(recording: Recording, event: string): Promise<EventTable> {
  const columns = await recording.columns(event);
  return {
    event,
    length: columns.length,
    columns: columns.all.flatMap((column) => flatten(column, columns, recording.startNanos)),
  };
}

function flatten(column: Column, columns: Columns, startNanos: bigint): TableColumn[] {
  const { name, field } = column;
  switch (column.kind) {
    case 'boolean':
      return [{ name, kind: 'boolean', values: Array.from(column.values, (value) => value !== 0) }];
    case 'byte':
    case 'short':
      return [{ name, kind: 'int', values: Array.from(column.values) }];
    case 'int':
      return field.unsigned
        ? [{ name, kind: 'long', values: Array.from(column.values, BigInt) }]
        : [{ name, kind: 'int', values: Array.from(column.values) }];
    case 'float':
    case 'double':
      return [{ name, kind: column.kind, values: Array.from(column.values) }];
    case 'char':
      return [{ name, kind: 'text', values: rows(column, (value) => value as string) }];
    case 'long':
      return [longs(column, columns, startNanos)];
    case 'string':
      return [{ name, kind: 'text', values: rows(column, (value) => value as string | null) }];
    case 'reference':
      return references(column);
    case 'value':
      return [{ name, kind: 'text', values: rows(column, constantText) }];
  }
}

function rows<T>(column: Column, convert: (value: Value) => T): T[] {
  return Array.from({ length: column.length }, (_, row) => convert(column.get(row)));
}

function longs({ name, field }: LongColumn, columns: Columns, startNanos: bigint): TableColumn {
  const values = columns.bigints(name);
  switch (field.timestamp) {
    case 'TICKS':
      return {
        name,
        kind: 'timestamp',
        values: Array.from(values, (at) => moment(at, startNanos)),
      };
    case 'MILLISECONDS_SINCE_EPOCH':
      return {
        name,
        kind: 'timestamp',
        values: Array.from(values, (at) => clamp(at * 1_000_000n)),
      };
    default:
      return { name, kind: field.unsigned ? 'unsigned' : 'long', values: Array.from(values) };
  }
}

const MIN_LONG: bigint = -(2n ** 63n);
const MAX_LONG: bigint = 2n ** 63n - 1n;

/** The ends of the range mean "never" and "for ever"; what would leave it stays there. */
function moment(since: bigint, startNanos: bigint): bigint {
  return since === MIN_LONG || since === MAX_LONG ? since : clamp(since + startNanos);
}

function clamp(nanos: bigint): bigint {
  return nanos < MIN_LONG ? MIN_LONG : nanos > MAX_LONG ? MAX_LONG : nanos;
}

/** Converts each constant once, however many rows refer to it. */
function perConstant<T>(column: ReferenceColumn, convert: (value: Value) => T): T[] {
  const known = new Map<number, T>();
  return Array.from(column.indices, (index) => {
    if (!known.has(index)) known.set(index, convert(column.pool.get(index)));
    return known.get(index)!;
  });
}

function references(column: ReferenceColumn): TableColumn[] {
  const { name, field } = column;
  const text: TableColumn = { name, kind: 'text', values: perConstant(column, constantText) };
  if (field.typeName === 'java.lang.Thread') {
    return [text, id(column, 'javaThreadId'), id(column, 'osThreadId')];
  }
  if (field.typeName === 'jdk.types.StackTrace') {
    const top = (trace: Value): string | null => constantText(framesOf(trace)[0]?.method ?? null);
    return [text, { name: `${name}.topMethod`, kind: 'text', values: perConstant(column, top) }];
  }
  return [text];
}

function id(column: ReferenceColumn, part: string): TableColumn {
  const values = perConstant(column, (thread) => {
    const value = isStruct(thread) ? thread[part] : null;
    return typeof value === 'number' || typeof value === 'bigint' ? BigInt(value) : null;
  });
  return { name: `${column.name}.${part}`, kind: 'long', values };
}
