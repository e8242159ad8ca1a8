// SPDX-License-Identifier: Apache-2.0
// Encodes one event straight into a buffer: size · type id · values in the order of the declaration.
// This is the plain interpreter, the judge of the compiled encoders and what runs where code generation
// is forbidden.
import { putInt, putLong, putPadded4, putVarint } from '@rekindle/bytes';
import type { EventDeclaration } from '../declaration.ts';
import { JfrError } from '../error.ts';
import type { EventArguments } from './event-values.ts';
import type { EventArgument, EventType } from './registry.ts';
import { putString, type StringValue, stringBound } from './string-writer.ts';

/** What an event takes for one of its arguments; which of these depends on the argument's type. */
export type EventValue = number | bigint | boolean | string | null | undefined;

/**
 * Writes one event at `at` and returns the position after it, or -1 when the room up to `limit` might
 * not do (nothing is written then that matters: the caller's position has not moved). `limit` must not
 * exceed `bytes.length`; the buffer may be shared memory.
 *
 * Values come in the order of {@link EventType.arguments}: startTime, [duration], [eventThread],
 * [stackTrace], fields. Longs are numbers (integers) or bigints; strings are text, null, or the key of a
 * pooled string; enumerations are one of their values, its key, or null; other pool references are keys,
 * 0 or null for none. A value that its field cannot hold throws `BAD_VALUE` or a RangeError.
 */
export type EncodeEvent<Declaration extends EventDeclaration = EventDeclaration> = (
  bytes: Uint8Array,
  at: number,
  limit: number,
  ...values: EventArguments<Declaration>
) => number;

/** Most bytes of a size and a type id, and of the move from a 1-byte to a 4-byte size. */
const FRAME_BOUND = 4 + 5;
const NARROW_LIMIT = 128;

/** Most bytes of a value of each kind; strings come on top, by their length. */
const BOUND: Readonly<Record<EventArgument['kind'], number>> = {
  boolean: 1,
  byte: 1,
  char: 3,
  short: 5,
  int: 5,
  long: 9,
  float: 4,
  double: 8,
  string: 0,
  pool: 9,
  enumeration: 5,
};

/** Most bytes that an event of this type takes, its strings not counted. */
export function fixedBound(type: EventType): number {
  return type.arguments.reduce((sum, argument) => sum + BOUND[argument.kind], FRAME_BOUND);
}

/** Most bytes that this event takes: what must be free in a buffer for its encoder to write it. */
export function eventBound(type: EventType, values: readonly EventValue[]): number {
  let bound = fixedBound(type);
  for (let index = 0; index < type.arguments.length; index++) {
    if (type.arguments[index]!.kind === 'string')
      bound += stringBound(values[index] as StringValue);
  }
  return bound;
}

/** An encoder that walks over the type's arguments for each event. */
export function interpretEncoder<Declaration extends EventDeclaration>(
  type: EventType<Declaration>,
): EncodeEvent<Declaration> {
  return (bytes, at, limit, ...given) => {
    const values: readonly EventValue[] = given;
    if (values.length !== type.arguments.length) {
      throw new JfrError(
        'JFR_BAD_VALUE',
        `${type.name} takes ${type.arguments.length} values, ${values.length} were given`,
      );
    }
    if (at + eventBound(type, values) > limit) return -1;
    let position = putVarint(bytes, at + 1, type.id);
    type.arguments.forEach((argument, index) => {
      position = putValue(bytes, position, type.name, argument, values[index]);
    });
    return finishEvent(bytes, at, position);
  };
}

/** Writes the size of an event whose one-byte size was left free at `at`; returns its end. */
export function finishEvent(bytes: Uint8Array, at: number, end: number): number {
  const size = end - at;
  if (size < NARROW_LIMIT) {
    bytes[at] = size;
    return end;
  }
  bytes.copyWithin(at + 4, at + 1, end);
  putPadded4(bytes, at, size + 3);
  return end + 3;
}

function putValue(
  bytes: Uint8Array,
  at: number,
  event: string,
  argument: EventArgument,
  value: EventValue,
): number {
  switch (argument.kind) {
    case 'boolean':
      bytes[at] = value ? 1 : 0;
      return at + 1;
    case 'byte':
      return putByte(bytes, at, checkInt(value, -0x80, 0xff, event, argument.name));
    case 'char':
      return putInt(bytes, at, checkInt(value, 0, 0xffff, event, argument.name));
    case 'short':
      return putInt(bytes, at, checkInt(value, -0x8000, 0xffff, event, argument.name));
    case 'int':
      return putInt(bytes, at, checkInt(value, -(2 ** 31), 2 ** 32 - 1, event, argument.name));
    case 'long':
      return putLong(bytes, at, value as number | bigint);
    case 'float':
      return putFloat(bytes, at, checkNumber(value, event, argument.name));
    case 'double':
      return putDouble(bytes, at, checkNumber(value, event, argument.name));
    case 'string':
      return putString(bytes, at, value as StringValue);
    case 'pool':
      return putLong(bytes, at, checkKey(value, event, argument.name));
    case 'enumeration':
      return putInt(bytes, at, enumerationKey(argument, value, event));
  }
}

/** The key of an enumeration's value: 0 for null, else from 1. */
export function enumerationKey(argument: EventArgument, value: unknown, event: string): number {
  if (value === null || value === undefined) return 0;
  const key = typeof value === 'string' ? argument.values.indexOf(value) + 1 : Number(value);
  if (!Number.isInteger(key) || key < 1 || key > argument.values.length) {
    throw badValue(value, event, argument.name, `one of ${argument.values.join(', ')}`);
  }
  return key;
}

export function checkInt(
  value: unknown,
  min: number,
  max: number,
  event: string,
  name: string,
): number {
  if (typeof value !== 'number' || !(value >= min && value <= max) || !Number.isInteger(value)) {
    throw badValue(value, event, name, `an integer from ${min} to ${max}`);
  }
  return value;
}

export function checkNumber(value: unknown, event: string, name: string): number {
  if (typeof value !== 'number') throw badValue(value, event, name, 'a number');
  return value;
}

/** Keys start at 1; 0 and null are no reference. */
export function checkKey(value: unknown, event: string, name: string): number | bigint {
  if (value === null || value === undefined) return 0;
  if ((typeof value === 'number' || typeof value === 'bigint') && value >= 0) return value;
  throw badValue(value, event, name, 'the key of a constant');
}

export function badValue(value: unknown, event: string, name: string, wanted: string): JfrError {
  return new JfrError(
    'JFR_BAD_VALUE',
    `${event}.${name} cannot be ${typeof value === 'string' ? JSON.stringify(value) : String(value)}`,
    {},
    `it takes ${wanted}`,
  );
}

export function putByte(bytes: Uint8Array, at: number, value: number): number {
  bytes[at] = value;
  return at + 1;
}

const floating = new DataView(new ArrayBuffer(8));

/** IEEE 754, big-endian: the one thing in an event that is. */
export function putFloat(bytes: Uint8Array, at: number, value: number): number {
  floating.setFloat32(0, value);
  bytes[at] = floating.getUint8(0);
  bytes[at + 1] = floating.getUint8(1);
  bytes[at + 2] = floating.getUint8(2);
  bytes[at + 3] = floating.getUint8(3);
  return at + 4;
}

export function putDouble(bytes: Uint8Array, at: number, value: number): number {
  floating.setFloat64(0, value);
  for (let index = 0; index < 8; index++) bytes[at + index] = floating.getUint8(index);
  return at + 8;
}
