// SPDX-License-Identifier: Apache-2.0
// One scalar of an event, read from its bytes and written as the text that Java's String.valueOf gives.
import type { ByteCursor } from '@rekindle/bytes';
import type { Op } from '../plan.ts';
import type { Pool } from '../pool.ts';
import { readString } from '../string-encoding.ts';
import type { Field } from '../type-model.ts';
import { type AsciiBuffer, ascii } from './ascii-buffer.ts';
import type { ChunkClock, Long } from './chunk-clock.ts';
import { doubleToString, floatToString } from './java-number.ts';
import { MomentWriter, putSpan } from './time-writer.ts';

/** What a scalar is to a printer: JSON quotes some and not others, and has no NaN. */
export type Scalar =
  | {
      readonly kind: 'boolean' | 'integer' | 'floating' | 'time';
      /** Reads the value at the cursor and writes its text. */
      readonly put: (cursor: ByteCursor, out: AsciiBuffer) => void;
    }
  | { readonly kind: 'string' }
  | { readonly kind: 'char'; readonly read: (cursor: ByteCursor) => string };

/** What reading a value needs of its chunk. */
export interface ScalarContext {
  readonly clock: ChunkClock;
  stringPool(): Pool | undefined;
}

const TRUE = ascii('true');
const FALSE = ascii('false');

/** Makes the writer of a scalar. `field` carries the annotations; `op` must not be a struct or reference. */
export function scalarOf(op: Op, field: Field | undefined, clock: ChunkClock): Scalar {
  switch (op.kind) {
    case 'boolean':
      return {
        kind: 'boolean',
        put: (cursor, out) => out.copy(cursor.u8() !== 0 ? TRUE : FALSE),
      };
    case 'float':
      return { kind: 'floating', put: (cursor, out) => out.text(floatToString(cursor.f32be())) };
    case 'double':
      return { kind: 'floating', put: (cursor, out) => out.text(doubleToString(cursor.f64be())) };
    case 'string':
      return { kind: 'string' };
    case 'char':
      if (!field?.timespan && !field?.timestamp) {
        const read = (cursor: ByteCursor): string => String.fromCharCode(cursor.int() & 0xffff);
        return { kind: 'char', read };
      }
      break;
    default:
  }
  const read = integerReader(op, field?.unsigned === true);
  const { timespan, timestamp } = field ?? {};
  if (timespan) {
    return { kind: 'time', put: (cursor, out) => putSpan(clock.span(read(cursor), timespan), out) };
  }
  if (timestamp === 'TICKS') {
    const moments = new MomentWriter(clock);
    return { kind: 'time', put: (cursor, out) => moments.put(read(cursor), out) };
  }
  if (timestamp) {
    return { kind: 'time', put: (cursor, out) => out.text(clock.isoOfMillis(read(cursor))) };
  }
  return { kind: 'integer', put: (cursor, out) => out.integer(read(cursor)) };
}

/** Reads an integer of any width as the number the JDK's getValue gives for the field. */
export function integerReader(op: Op, unsigned: boolean): (cursor: ByteCursor) => Long {
  switch (op.kind) {
    case 'byte':
      return unsigned ? (cursor) => cursor.u8() : (cursor) => cursor.i8();
    case 'short':
      return unsigned ? (cursor) => cursor.int() & 0xffff : (cursor) => (cursor.int() << 16) >> 16;
    case 'char':
      return (cursor) => cursor.int() & 0xffff;
    case 'int':
      return unsigned ? (cursor) => cursor.int() >>> 0 : (cursor) => cursor.int();
    case 'long':
      if (!unsigned) return (cursor) => cursor.long();
      return (cursor) => {
        const value = cursor.long();
        return value < 0 ? BigInt.asUintN(64, BigInt(value)) : value;
      };
    default:
      throw new TypeError(`${op.kind} is no integer`);
  }
}

/** Reads a string of any encoding, pooled ones through the pool; null where the pool lacks the key. */
export function stringReader(context: ScalarContext): (cursor: ByteCursor) => string | null {
  return (cursor) => {
    const text = readString(cursor);
    if (text === null || typeof text === 'string') return text;
    const value = context.stringPool()?.resolve(text);
    return typeof value === 'string' ? value : null;
  };
}
