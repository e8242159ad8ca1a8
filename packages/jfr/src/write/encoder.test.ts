// SPDX-License-Identifier: Apache-2.0
import { ByteCursor } from '@rekindle/bytes';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EventDeclaration } from '../declaration.ts';
import { KINDS, randomEvent } from '../testing/event-arbitrary.ts';
import { type EncodeEvent, type EventValue, eventBound, interpretEncoder } from './encoder.ts';
import { compileEncoder } from './encoder-compile.ts';
import { type EventArgument, EventRegistry, type EventType } from './registry.ts';

/** Reads an event back by the words of the format; long values as bigint, NaN and -0 as they are. */
function decode(type: EventType, bytes: Uint8Array): unknown[] {
  const cursor = new ByteCursor(bytes);
  expect(cursor.varint()).toBe(bytes.length);
  expect(cursor.varint()).toBe(type.id);
  const values = type.arguments.map((argument) => decodeValue(argument, cursor));
  expect(cursor.remaining).toBe(0);
  return values;
}

function decodeValue({ kind, values }: EventArgument, cursor: ByteCursor): unknown {
  switch (kind) {
    case 'boolean':
      return cursor.u8() === 1;
    case 'byte':
      return cursor.i8();
    case 'char':
      return cursor.int();
    case 'short':
      return (cursor.int() << 16) >> 16;
    case 'int':
      return cursor.int();
    case 'long':
      return BigInt(cursor.long());
    case 'float':
      return cursor.f32be();
    case 'double':
      return cursor.f64be();
    case 'string':
      return text(cursor);
    case 'pool':
      return cursor.varint() || null;
    case 'enumeration':
      return values[cursor.varint() - 1] ?? null;
  }
}

function text(cursor: ByteCursor): string | null {
  const encoding = cursor.u8();
  if (encoding === 0) return null;
  if (encoding === 1) return '';
  const length = cursor.varint();
  if (encoding === 3) return cursor.utf8(length);
  if (encoding === 5) return cursor.latin1(length);
  expect(encoding).toBe(4);
  return String.fromCharCode(...Array.from({ length }, () => cursor.int()));
}

function expected(type: EventType, values: readonly EventValue[]): unknown[] {
  return values.map((value, index) => {
    const { kind } = type.arguments[index]!;
    if (kind === 'long') return BigInt(value as number);
    if (kind === 'pool') return value || null;
    return value;
  });
}

describe('an encoded event', () => {
  it('says what was given, compiled and interpreted alike', () => {
    fc.assert(
      fc.property(randomEvent, fc.nat(20), ({ declaration, values }, at) => {
        const type = new EventRegistry().register(declaration);
        const room = at + eventBound(type, values);
        const run = (encode: EncodeEvent, shared: boolean): Uint8Array => {
          const bytes: Uint8Array = shared
            ? new Uint8Array(new SharedArrayBuffer(room + 8))
            : new Uint8Array(room + 8);
          bytes.fill(0xee);
          const end = encode(bytes, at, room, ...values);
          expect(end).toBeGreaterThan(at);
          expect(bytes.subarray(0, at).every((byte) => byte === 0xee)).toBe(true);
          expect(bytes.subarray(room).every((byte) => byte === 0xee)).toBe(true);
          return bytes.slice(at, end);
        };
        const compiled = run(compileEncoder(type), true);
        expect(compiled).toEqual(run(interpretEncoder(type), false));
        expect(decode(type, compiled)).toEqual(expected(type, values));
        // the room that eventBound promises is enough, and one byte less is refused
        expect(compileEncoder(type)(new Uint8Array(room), at, room - 1, ...values)).toBe(-1);
        expect(interpretEncoder(type)(new Uint8Array(room), at, room - 1, ...values)).toBe(-1);
      }),
      { numRuns: 500 },
    );
  });

  it('has a size of one byte below 128 and of four from there on', () => {
    const type = new EventRegistry().register({
      name: 'test.Text',
      label: 'Text',
      category: [],
      fields: [{ name: 'text', type: 'java.lang.String', label: 'Text' }],
    });
    // size, id, startTime, encoding, length: five bytes beside the text
    const sizes = [122, 123, 124].map((length) => {
      const bytes = new Uint8Array(1000);
      const end = compileEncoder(type)(bytes, 0, 1000, 1, 'x'.repeat(length));
      expect(new ByteCursor(bytes).varint()).toBe(end);
      return [end, bytes[0]! >= 0x80];
    });
    expect(sizes).toEqual([
      [127, false],
      [131, true],
      [132, true],
    ]);
  });
});

describe('a value that does not fit', () => {
  const wrong: readonly [string, unknown][] = [
    ['byte', 256],
    ['byte', 0.5],
    ['char', -1],
    ['short', 70_000],
    ['int', 2 ** 32],
    ['int', '1'],
    ['int', undefined],
    ['int', Number.NaN],
    ['long', 0.5],
    ['long', 2n ** 65n],
    ['long', undefined],
    ['float', '1'],
    ['double', 1n],
    ['string', -1],
    ['string', {}],
    ['enumeration', 'none of them'],
    ['enumeration', 4],
    ['pool', -1],
    ['pool', 'main'],
  ];
  it.each(wrong)('%s cannot be %s', (kind, value) => {
    const type = new EventRegistry().register<EventDeclaration>({
      name: 'test.One',
      label: 'One',
      category: [],
      fields: [{ name: 'one', type: KINDS[kind]![0], label: 'One' }],
    });
    for (const encode of [compileEncoder(type), interpretEncoder(type)]) {
      expect(() => encode(new Uint8Array(100), 0, 100, 1, value)).toThrow(
        /cannot be|is not a 64-bit integer|is no string/,
      );
    }
  });
});
