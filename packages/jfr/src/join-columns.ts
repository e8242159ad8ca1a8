// SPDX-License-Identifier: Apache-2.0
// Columns of many chunks as one: times put on one clock, strings into one table, pools side by side.
import type { Chunk } from './chunk.ts';
import {
  type Column,
  Columns,
  type LongColumn,
  type NumberArray,
  type NumberColumn,
  type ReferenceColumn,
  type StringColumn,
  textOf,
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
  const get = (at: number): Value => {
    const value = values[at]!;
    if (kind === 'boolean') return value !== 0;
    return kind === 'char' ? String.fromCharCode(value) : value;
  };
  return { kind, name, field, length, values, get };
}

function joinLongs(
  pieces: readonly Piece<LongColumn>[],
  length: number,
  startNanos: bigint,
): LongColumn {
  const { name, field } = pieces[0]!.column;
  const timestamp = field.timestamp === 'TICKS';
  const timespan = field.timespan === 'TICKS';
  const parts = pieces.map(({ chunk, column }) => {
    const offset = timestamp ? chunk.header.startNanos - startNanos : 0n;
    const scaled = (timestamp || timespan) && chunk.header.ticksPerSecond !== 1_000_000_000n;
    return nanoseconds(column.values, offset, scaled ? chunk : undefined);
  });
  let values: LongColumn['values'];
  if (parts.every((part) => part instanceof Float64Array)) {
    values = new Float64Array(length);
    let row = 0;
    for (const part of parts) {
      values.set(part, row);
      row += part.length;
    }
  } else {
    values = field.unsigned ? new BigUint64Array(length) : new BigInt64Array(length);
    let row = 0;
    for (const part of parts) for (const value of part) values[row++] = BigInt(value);
  }
  return { kind: 'long', name, field, length, values, base: 0n, get: (row) => values[row]! };
}

function nanoseconds(
  values: LongColumn['values'],
  offset: bigint,
  scale: Chunk | undefined,
): LongColumn['values'] {
  if (offset === 0n && scale === undefined) return values;
  const wide = (): BigInt64Array =>
    BigInt64Array.from(values as BigInt64Array, (value) =>
      BigInt.asIntN(64, (scale === undefined ? BigInt(value) : scale.spanNanos(value)) + offset),
    );
  if (!(values instanceof Float64Array)) return wide();
  const shift = Number(offset);
  const perTick = scale === undefined ? 1 : Number(scale.header.ticksPerSecond) / 1e9;
  const result = new Float64Array(values.length);
  for (let row = 0; row < result.length; row++) {
    const value = values[row]!;
    const moved = (scale === undefined ? value : Math.trunc(value / perTick)) + shift;
    if (!Number.isSafeInteger(moved)) return wide();
    result[row] = moved;
  }
  return result;
}

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
  const strings = { length: texts.length, get: (index: number) => texts[index] ?? null };
  const text = (at: number): string | null => texts[indices[at]!] ?? null;
  return { kind: 'string', name, field, length, indices, strings, get: text, text };
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
  return {
    kind: 'reference',
    name,
    field,
    length,
    indices,
    pool: { length: base, get },
    get: (at) => get(indices[at] ?? -1),
    text: (at) => textOf(get(indices[at] ?? -1)),
  };
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
  return { kind: 'value', name, field, length, get };
}
