// SPDX-License-Identifier: Apache-2.0
// The functions that make one cell of many.
import { spanNanos } from '../print/chunk-clock.ts';
import {
  type Cell,
  compareCells,
  DurationCell,
  Fraction,
  InstantCell,
  isInteger,
  numberOf,
} from './cell.ts';
import type { ViewField } from './field.ts';
import type { Aggregate } from './query.ts';

export interface Accumulator {
  add(cell: Cell): void;
  result(): Cell;
}

/** The accumulator of a field: of its aggregate, or of its value where it has none. */
export function accumulatorOf(field: ViewField): Accumulator {
  return field.grouped || !field.aggregate ? lastNonNull() : MAKERS[field.aggregate](field);
}

const MAKERS: Readonly<Record<Aggregate, (field: ViewField) => Accumulator>> = {
  avg: (field) => (field.timespan ? averageDuration() : average()),
  count,
  unique,
  first,
  last,
  last_batch: last,
  list: () => collect((cells) => cells),
  set: () => collect((cells) => [...new Set(cells)]),
  max: () => extreme(1),
  min: () => extreme(-1),
  sum: (field) => {
    if (field.timespan) return sumDuration();
    return field.fractional ? sumFractions() : field.integral ? sumIntegers() : nothing();
  },
  diff: (field) => (field.timestamp ? timeDifference() : difference()),
  median: (field) => overNumbers(field, median),
  p90: (field) => overNumbers(field, percentile(0.9)),
  p95: (field) => overNumbers(field, percentile(0.95)),
  p99: (field) => overNumbers(field, percentile(0.99)),
  p999: (field) => overNumbers(field, percentile(0.999)),
  stdev: (field) => overNumbers(field, deviation),
};

function nothing(): Accumulator {
  return { add: () => {}, result: () => null };
}

function lastNonNull(): Accumulator {
  let value: Cell = null;
  return {
    add: (cell) => {
      if (cell !== null) value = cell;
    },
    result: () => value,
  };
}

function first(): Accumulator {
  let value: Cell | undefined;
  return {
    add: (cell) => {
      if (value === undefined) value = cell;
    },
    result: () => value ?? null,
  };
}

function last(): Accumulator {
  let value: Cell = null;
  return {
    add: (cell) => {
      value = cell;
    },
    result: () => value,
  };
}

function count(): Accumulator {
  let total = 0;
  return {
    add: () => {
      total++;
    },
    result: () => total,
  };
}

function unique(): Accumulator {
  const seen = new Set<Cell>();
  return { add: (cell) => void seen.add(cell), result: () => seen.size };
}

function collect(finish: (cells: readonly Cell[]) => readonly Cell[]): Accumulator {
  const cells: Cell[] = [];
  return { add: (cell) => void cells.push(cell), result: () => finish(cells) };
}

function extreme(sign: 1 | -1): Accumulator {
  let value: Cell = null;
  return {
    add: (cell) => {
      if (cell === null || (typeof cell === 'object' && !isComparable(cell))) return;
      if (value === null || sign * compareCells(cell, value) > 0) value = cell;
    },
    result: () => value,
  };
}

function isComparable(cell: Cell): boolean {
  return cell instanceof Fraction || cell instanceof DurationCell || cell instanceof InstantCell;
}

function average(): Accumulator {
  let total = 0;
  let rows = 0;
  return {
    add: (cell) => {
      const value = numberOf(cell);
      if (value === undefined || !Number.isFinite(value)) return;
      total += value;
      rows++;
    },
    result: () => (rows === 0 ? null : new Fraction(total / rows)),
  };
}

function averageDuration(): Accumulator {
  let seconds = 0n;
  let nanos = 0n;
  let rows = 0;
  return {
    add: (cell) => {
      if (!(cell instanceof DurationCell)) return;
      const span = spanNanos(cell.span);
      const whole = span / 1_000_000_000n - (span % 1_000_000_000n < 0n ? 1n : 0n);
      seconds += whole;
      nanos += span - whole * 1_000_000_000n;
      rows++;
    },
    result: () => {
      if (rows === 0) return null;
      const total = 1_000_000_000 * Number(seconds) + Number(nanos);
      return new DurationCell(Math.round(total / rows));
    },
  };
}

function sumDuration(): Accumulator {
  let total = 0n;
  let any = false;
  return {
    add: (cell) => {
      if (!(cell instanceof DurationCell)) return;
      total += spanNanos(cell.span);
      any = true;
    },
    result: () => (any ? new DurationCell(total) : null),
  };
}

function sumFractions(): Accumulator {
  let total = 0;
  let any = false;
  return {
    add: (cell) => {
      const value = numberOf(cell);
      if (value === undefined || !Number.isFinite(value)) return;
      total += value;
      any = true;
    },
    result: () => (any ? new Fraction(total) : null),
  };
}

function sumIntegers(): Accumulator {
  let total = 0n;
  let any = false;
  return {
    add: (cell) => {
      if (isInteger(cell)) total = BigInt.asIntN(64, total + BigInt(cell));
      any ||= isInteger(cell);
    },
    result: () => (any ? total : null),
  };
}

function difference(): Accumulator {
  let from: Cell | undefined;
  let to: Cell = null;
  return {
    add: (cell) => {
      const value = numberOf(cell);
      if (value === undefined || !Number.isFinite(value)) return;
      from ??= cell;
      to = cell;
    },
    result: () => {
      if (from === undefined) return null;
      if (isInteger(from) && isInteger(to)) return BigInt(to) - BigInt(from);
      return new Fraction((numberOf(to) ?? 0) - (numberOf(from) ?? 0));
    },
  };
}

function timeDifference(): Accumulator {
  let from: bigint | undefined;
  let to: bigint | undefined;
  return {
    add: (cell) => {
      if (!(cell instanceof InstantCell) || cell.epochNanos === undefined) return;
      if (from === undefined) from = cell.epochNanos;
      else to = cell.epochNanos;
    },
    result: () => {
      if (from === undefined) return null;
      return new DurationCell(to === undefined ? 'forever' : to - from);
    },
  };
}

/** A function over sorted numbers; of a timespan it is taken over nanoseconds. */
function overNumbers(field: ViewField, reduce: (sorted: readonly number[]) => number): Accumulator {
  const values: number[] = [];
  return {
    add: (cell) => {
      const value =
        field.timespan && cell instanceof DurationCell
          ? Number(spanNanos(cell.span))
          : numberOf(cell);
      if (value !== undefined && Number.isFinite(value)) values.push(value);
    },
    result: () => {
      if (values.length === 0) return null;
      const value = reduce(values.sort((a, b) => a - b));
      return field.timespan ? new DurationCell(Math.trunc(value)) : new Fraction(value);
    },
  };
}

function median(sorted: readonly number[]): number {
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Interpolated over n + 1 intervals. */
function percentile(share: number): (sorted: readonly number[]) => number {
  return (sorted) => {
    if (sorted.length === 1) return sorted[0]!;
    const at = (sorted.length + 1) * share;
    const next = Math.trunc(at);
    if (next - 1 < 0) return sorted[0]!;
    if (next >= sorted.length) return sorted.at(-1)!;
    const [a, b] = [sorted[next - 1]!, sorted[next]!];
    return a + (at - next) * (b - a);
  };
}

function deviation(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / values.length);
}
