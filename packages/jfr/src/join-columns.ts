// SPDX-License-Identifier: Apache-2.0
// Columns of many chunks as one: times put on one clock, strings into one table, pools side by side.
import type { Chunk } from './chunk.ts';
import {
  type Column,
  Columns,
  type LongColumn,
  longColumn,
  type NumberArray,
  type NumberColumn,
  numberColumn,
  type ReferenceColumn,
  referenceColumn,
  type StringColumn,
  textColumn,
  textsOf,
} from './column.ts';
import type { Value } from './value.ts';

export interface Part {
  readonly chunk: Chunk;
  readonly columns: Columns;
}

/**
 * Joins the columns of one event type. Fields a chunk does not declare (the type changed between
 * chunks) are left out of the whole. Times become nanoseconds, timestamps relative to `startNanos`.
 */
export function joinColumns(
  eventName: string,
  parts: readonly Part[],
  startNanos: bigint,
): Columns {
  const length = parts.reduce((sum, { columns }) => sum + columns.length, 0);
  const first = parts[0]?.columns.all ?? [];
  const joined: Column[] = [];
  for (const { name, kind } of first) {
    const pieces = parts.map(({ chunk, columns }) => ({
      chunk,
      column: columns.has(name) ? columns.get(name) : undefined,
    }));
    if (pieces.some(({ column }) => column?.kind !== kind)) continue;
    joined.push(join(pieces as Piece<Column>[], length, startNanos));
  }
  return new Columns(eventName, length, joined);
}

interface Piece<C extends Column> {
  readonly chunk: Chunk;
  readonly column: C;
}

function join(pieces: readonly Piece<Column>[], length: number, startNanos: bigint): Column {
  switch (pieces[0]!.column.kind) {
    case 'long':
      return joinLongs(pieces as Piece<LongColumn>[], length, startNanos);
    case 'string':
      return joinStrings(pieces as Piece<StringColumn>[], length);
    case 'reference':
      return joinReferences(pieces as Piece<ReferenceColumn>[], length);
    case 'value':
      return joinValues(pieces, length);
    default:
      return joinNumbers(pieces as Piece<NumberColumn>[], length);
  }
}

function joinNumbers(pieces: readonly Piece<NumberColumn>[], length: number): Column {
  const { kind, name, field, values: sample } = pieces[0]!.column;
  const values = new (sample.constructor as new (length: number) => NumberArray)(length);
  let row = 0;
  for (const { column } of pieces) {
    values.set(column.values, row);
    row += column.length;
  }
  return numberColumn(kind, name, field, values);
}

function joinLongs(
  pieces: readonly Piece<LongColumn>[],
  length: number,
  startNanos: bigint,
): LongColumn {
  const { name, field } = pieces[0]!.column;
  const clock: Clock =
    field.timestamp === 'TICKS' ? 'moment' : field.timespan === 'TICKS' ? 'span' : 'none';
  const values = new Float64Array(length);
  let row = 0;
  for (const piece of pieces) {
    if (!putNumbers(piece, clock, startNanos, values, row)) {
      return joinBigints(pieces, clock, length, startNanos);
    }
    row += piece.column.length;
  }
  return longColumn(name, field, values, 0n);
}

/** What ticks a column holds, if any. */
type Clock = 'moment' | 'span' | 'none';

/** Copies a column as nanoseconds; false when one of them is not exact. */
function putNumbers(
  { chunk, column }: Piece<LongColumn>,
  clock: Clock,
  startNanos: bigint,
  to: Float64Array,
  start: number,
): boolean {
  const { values } = column;
  if (!(values instanceof Float64Array)) return false;
  const perTick = Number(chunk.header.ticksPerSecond) / 1e9;
  const shift = clock === 'moment' ? Number(chunk.header.startNanos - startNanos) : 0;
  if (clock === 'none' || (shift === 0 && perTick === 1)) {
    to.set(values, start);
    return true;
  }
  for (let row = 0; row < values.length; row++) {
    const value = values[row]!;
    const moved = (perTick === 1 ? value : Math.trunc(value / perTick)) + shift;
    if (!(moved <= Number.MAX_SAFE_INTEGER && moved >= -Number.MAX_SAFE_INTEGER)) return false;
    to[start + row] = moved;
  }
  return true;
}

/** The slow path: exact where a number is not. What leaves 64 bits stays at their end, as a sentinel. */
function joinBigints(
  pieces: readonly Piece<LongColumn>[],
  clock: Clock,
  length: number,
  startNanos: bigint,
): LongColumn {
  const { name, field } = pieces[0]!.column;
  const unsigned = field.unsigned && clock === 'none';
  const values = unsigned ? new BigUint64Array(length) : new BigInt64Array(length);
  let row = 0;
  for (const { chunk, column } of pieces) {
    const nanos = (value: bigint): bigint => {
      if (clock === 'none') return value;
      if (value === MIN_LONG || value === MAX_LONG) return value;
      if (clock === 'span') return chunk.spanNanos(value);
      const moment = chunk.epochNanos(value) - startNanos;
      return moment < MIN_LONG ? MIN_LONG : moment > MAX_LONG ? MAX_LONG : moment;
    };
    for (let at = 0; at < column.length; at++) {
      values[row++] = nanos(BigInt(column.values[at]!) + column.base);
    }
  }
  return longColumn(name, field, values, 0n);
}

/** The JDK's marks for "never" and "for ever". */
const MIN_LONG: bigint = -(2n ** 63n);
const MAX_LONG: bigint = 2n ** 63n - 1n;

function joinStrings(pieces: readonly Piece<StringColumn>[], length: number): StringColumn {
  const { name, field } = pieces[0]!.column;
  const indices = new Int32Array(length);
  const texts: string[] = [];
  const known = new Map<string, number>();
  let row = 0;
  for (const { column } of pieces) {
    const moved = new Int32Array(column.strings.length).fill(-2);
    for (let at = 0; at < column.length; at++) {
      const index = column.indices[at]!;
      if (index < 0) {
        indices[row++] = -1;
        continue;
      }
      let to = moved[index]!;
      if (to === -2) {
        const text = column.strings.get(index) ?? '';
        to = known.get(text) ?? texts.push(text) - 1;
        known.set(text, to);
        moved[index] = to;
      }
      indices[row++] = to;
    }
  }
  return textColumn(name, field, indices, textsOf(texts));
}

function joinReferences(
  pieces: readonly Piece<ReferenceColumn>[],
  length: number,
): ReferenceColumn {
  const { name, field } = pieces[0]!.column;
  const indices = new Int32Array(length);
  const bases: number[] = [];
  let base = 0;
  let row = 0;
  for (const { column } of pieces) {
    bases.push(base);
    for (let at = 0; at < column.length; at++) {
      const index = column.indices[at]!;
      indices[row++] = index < 0 ? -1 : index + base;
    }
    base += column.pool.length;
  }
  const get = (index: number): Value => {
    if (index < 0 || index >= base) return null;
    const part = bases.findLastIndex((start) => start <= index);
    return pieces[part]!.column.pool.get(index - bases[part]!);
  };
  return referenceColumn(name, field, indices, { length: base, get });
}

function joinValues(pieces: readonly Piece<Column>[], length: number): Column {
  const { name, field } = pieces[0]!.column;
  const get = (row: number): Value => {
    let at = row;
    for (const { column } of pieces) {
      if (at < column.length) return column.get(at);
      at -= column.length;
    }
    return null;
  };
  return { kind: 'value', name, field, length, offsets: new Float64Array(0), get };
}
