// SPDX-License-Identifier: Apache-2.0
// What stands in a cell of a view. Integers are numbers or bigints; what Java holds in a double or a
// float is a Fraction, because it is compared and shown otherwise.

import type { Span } from '../print/chunk-clock.ts';
import { isStruct, type Struct, type Value } from '../value.ts';

export class Fraction {
  readonly value: number;
  /** A float, not a double. */
  readonly single: boolean;

  constructor(value: number, single = false) {
    this.value = value;
    this.single = single;
  }
}

export class DurationCell {
  readonly span: Span;

  constructor(span: Span) {
    this.span = span;
  }

  /** Nanoseconds that sort like java.time.Duration. */
  get order(): number {
    if (this.span === 'forever') return Number.POSITIVE_INFINITY;
    return this.span === 'none' ? Number.NEGATIVE_INFINITY : Number(this.span);
  }
}

/** A moment: nanoseconds since 1970; undefined stands for one that is not available. */
export class InstantCell {
  readonly epochNanos: bigint | undefined;

  constructor(epochNanos: bigint | undefined) {
    this.epochNanos = epochNanos;
  }
}

export type Cell =
  | null
  | string
  | boolean
  | number
  | bigint
  | Fraction
  | DurationCell
  | InstantCell
  | Struct
  | readonly Cell[];

export const isInteger = (cell: Cell | undefined): cell is number | bigint =>
  typeof cell === 'number' || typeof cell === 'bigint';

/** A number of either kind as a JavaScript number; undefined for anything else. */
export function numberOf(cell: Cell): number | undefined {
  if (cell instanceof Fraction) return cell.value;
  return isInteger(cell) ? Number(cell) : undefined;
}

/** A name, whatever a damaged file has put in its place. */
export function nameOf(value: Value | undefined): string {
  return typeof value === 'object' && value !== null
    ? JSON.stringify(value)
    : String(value ?? null);
}

/** Java's narrowing of a double to a long. */
export function longOf(value: number): bigint {
  if (Number.isNaN(value)) return 0n;
  if (value >= 2 ** 63) return 2n ** 63n - 1n;
  return value <= -(2 ** 63) ? -(2n ** 63n) : BigInt(Math.trunc(value));
}

/** The value at a path, null where the path leads through null. */
export function follow(value: Value, path: readonly string[]): Value {
  let at: Value = value;
  for (const name of path) {
    if (!isStruct(at)) return null;
    at = at[name] ?? null;
  }
  return at;
}

/** Compares as the JDK's TableSorter: null first, then numbers among themselves, then the like. */
export function compareCells(a: Cell, b: Cell): number {
  if (a === b) return 0;
  if (a === null) return -1;
  if (b === null) return 1;
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : 1;
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== undefined && y !== undefined) {
    if (isInteger(a) && isInteger(b)) return a < b ? -1 : a > b ? 1 : 0;
    return compareDoubles(x, y);
  }
  if (x !== undefined) return 1;
  if (y !== undefined) return -1;
  if (a instanceof DurationCell && b instanceof DurationCell)
    return compareDoubles(a.order, b.order);
  if (a instanceof InstantCell && b instanceof InstantCell) {
    const [left, right] = [a.epochNanos ?? -(2n ** 80n), b.epochNanos ?? -(2n ** 80n)];
    return left < right ? -1 : left > right ? 1 : 0;
  }
  if (typeof a === 'boolean' && typeof b === 'boolean') return a ? 1 : -1;
  return 0;
}

/** Double.compare: NaN above everything. */
function compareDoubles(a: number, b: number): number {
  if (a < b) return -1;
  if (a > b) return 1;
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
}
