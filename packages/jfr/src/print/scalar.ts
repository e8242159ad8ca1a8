// SPDX-License-Identifier: Apache-2.0
// One scalar of an event, read from its bytes straight into the text that Java's String.valueOf gives.
import type { ByteCursor } from '@rekindle/bytes';
import type { Op } from '../plan.ts';
import type { Pool } from '../pool.ts';
import { readString } from '../string-encoding.ts';
import type { Field } from '../type-model.ts';
import { type ChunkClock, type Long, spanToString } from './chunk-clock.ts';
import { doubleToString, floatToString } from './java-number.ts';

/** What a scalar is to a printer: JSON quotes some and not others, and has no NaN. */
export type ScalarKind = 'boolean' | 'integer' | 'floating' | 'time' | 'text';

export interface Scalar {
  readonly kind: ScalarKind;
  /** Reads the value at the cursor; null where there is none. */
  readonly read: (cursor: ByteCursor) => string | null;
}

/** What reading a value needs of its chunk. */
export interface ScalarContext {
  readonly clock: ChunkClock;
  stringPool(): Pool | undefined;
}

/** Makes the reader of a scalar. `field` carries the annotations; `op` must not be a struct or reference. */
export function scalarOf(op: Op, field: Field | undefined, context: ScalarContext): Scalar {
  const { clock } = context;
  switch (op.kind) {
    case 'boolean':
      return { kind: 'boolean', read: (cursor) => (cursor.u8() !== 0 ? 'true' : 'false') };
    case 'float':
      return { kind: 'floating', read: (cursor) => floatToString(cursor.f32be()) };
    case 'double':
      return { kind: 'floating', read: (cursor) => doubleToString(cursor.f64be()) };
    case 'string':
      return { kind: 'text', read: stringReader(context) };
    case 'char':
      if (!field?.timespan && !field?.timestamp) {
        const read = (cursor: ByteCursor): string => String.fromCharCode(cursor.int() & 0xffff);
        return { kind: 'text', read };
      }
      break;
    default:
  }
  const read = integerReader(op, field?.unsigned === true);
  const { timespan, timestamp } = field ?? {};
  if (timespan) {
    return { kind: 'time', read: (cursor) => spanToString(clock.span(read(cursor), timespan)) };
  }
  if (timestamp === 'TICKS') {
    return { kind: 'time', read: (cursor) => clock.isoOfTicks(read(cursor)) };
  }
  if (timestamp) return { kind: 'time', read: (cursor) => clock.isoOfMillis(read(cursor)) };
  return { kind: 'integer', read: (cursor) => String(read(cursor)) };
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
