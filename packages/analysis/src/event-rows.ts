// SPDX-License-Identifier: Apache-2.0
// All events of one type in a recording, put on one clock and in order of time.
//
// Every chunk that rekindle writes counts ticks of one clock, CLOCK_MONOTONIC in nanoseconds. So ticks
// of pager and host compare exactly, which the wall clocks in the chunks' headers do not.
import { type Chunk, type Columns, type EventDeclaration, textOf } from '@rekindle/jfr';

interface Part {
  readonly chunk: Chunk;
  readonly columns: Columns;
}

export class EventRows {
  readonly length: number;
  readonly #parts: readonly Part[];
  /** Start of each row, nanoseconds of CLOCK_MONOTONIC since {@link origin}, unsorted. */
  #ticks: Float64Array;
  #order: Uint32Array;
  /** Earliest start of these rows, nanoseconds; undefined without rows. */
  readonly earliest: bigint | undefined;

  constructor(chunks: readonly Chunk[], declaration: EventDeclaration) {
    const parts: Part[] = [];
    for (const chunk of chunks) {
      if (chunk.count(declaration.name) === 0) continue;
      const columns = chunk.columns(declaration.name);
      // A field that an older rekindle did not write is left out, and read as its default below.
      if (columns.length > 0) parts.push({ chunk, columns });
    }
    this.#parts = parts;
    this.length = parts.reduce((sum, { columns }) => sum + columns.length, 0);
    this.earliest = parts.reduce<bigint | undefined>((first, part) => {
      const start = earliestOf(part);
      return first === undefined || start < first ? start : first;
    }, undefined);
    this.#ticks = new Float64Array(0);
    this.#order = new Uint32Array(0);
  }

  /** Start of every row in nanoseconds since `origin`, ascending; sets the order of all other columns. */
  ticks(origin: bigint): Float64Array {
    const ticks = new Float64Array(this.length);
    let row = 0;
    for (const part of this.#parts) {
      const { header } = part.chunk;
      const base = Number(scale(header.startTicks, header.ticksPerSecond) - origin);
      const factor = 1e9 / Number(header.ticksPerSecond);
      for (const tick of part.columns.numbers('startTime')) ticks[row++] = base + tick * factor;
    }
    this.#ticks = ticks;
    this.#order = Uint32Array.from({ length: this.length }, (_, i) => i);
    this.#order.sort((a, b) => ticks[a]! - ticks[b]! || a - b);
    return Float64Array.from(this.#order, (at) => this.#ticks[at]!);
  }

  /** A timespan in nanoseconds. */
  nanos(field: string): Float64Array {
    const values = new Float64Array(this.length);
    let row = 0;
    for (const { chunk, columns } of this.#parts) {
      const factor = 1e9 / Number(chunk.header.ticksPerSecond);
      if (columns.has(field)) {
        for (const ticks of columns.numbers(field)) values[row++] = ticks * factor;
      } else row += columns.length;
    }
    return this.#sorted(values);
  }

  /** A number, 0 where the field was not written. */
  numbers(field: string): Float64Array {
    const values = new Float64Array(this.length);
    let row = 0;
    for (const { columns } of this.#parts) {
      if (columns.has(field)) values.set(columns.numbers(field), row);
      row += columns.length;
    }
    return this.#sorted(values);
  }

  /** The sum of a number over all rows. */
  sum(field: string): number {
    let sum = 0;
    for (const { columns } of this.#parts) {
      if (columns.has(field)) for (const value of columns.numbers(field)) sum += value;
    }
    return sum;
  }

  /** A text, empty for null and where the field was not written. */
  texts(field: string): string[] {
    const texts: string[] = [];
    for (const { columns } of this.#parts) {
      for (let row = 0; row < columns.length; row++) {
        texts.push(columns.has(field) ? (columns.text(field, row) ?? '') : '');
      }
    }
    return Array.from(this.#order, (at) => texts[at] as string);
  }

  /** An enumeration as indices into `values`; a value that is none of them is -1. */
  codes(field: string, values: readonly string[]): Int8Array {
    const codes = new Int8Array(this.length).fill(-1);
    let row = 0;
    for (const { columns } of this.#parts) {
      const column = columns.has(field) ? columns.get(field) : undefined;
      if (column?.kind === 'reference') {
        const known = new Map<number, number>();
        for (const index of column.indices) {
          let code = known.get(index);
          if (code === undefined) {
            code = index < 0 ? -1 : values.indexOf(textOf(column.pool.get(index)) ?? '');
            known.set(index, code);
          }
          codes[row++] = code;
        }
      } else row += columns.length;
    }
    return Int8Array.from(this.#order, (at) => codes[at]!);
  }

  #sorted(values: Float64Array): Float64Array {
    return Float64Array.from(this.#order, (at) => values[at]!);
  }
}

function earliestOf({ chunk, columns }: Part): bigint {
  let first = Number.POSITIVE_INFINITY;
  for (const tick of columns.numbers('startTime')) first = Math.min(first, tick);
  const { startTicks, ticksPerSecond } = chunk.header;
  return scale(startTicks + BigInt(Math.round(first)), ticksPerSecond);
}

/** Ticks as nanoseconds. */
function scale(ticks: bigint, ticksPerSecond: bigint): bigint {
  return ticksPerSecond === 1_000_000_000n ? ticks : (ticks * 1_000_000_000n) / ticksPerSecond;
}
