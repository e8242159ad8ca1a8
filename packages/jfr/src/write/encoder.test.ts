// SPDX-License-Identifier: Apache-2.0
import { ByteCursor } from '@rekindle/bytes';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EventDeclaration, FieldDeclaration } from '../declaration.ts';
import { type EncodeEvent, type EventValue, eventBound, interpretEncoder } from './encoder.ts';
import { compileEncoder } from './encoder-compile.ts';
import { type EventArgument, EventRegistry, type EventType } from './registry.ts';

const ACTIONS = ['copy', 'zero', 'raced'] as const;

/** For each type of field: values of it. */
const KINDS: Readonly<Record<string, [FieldDeclaration['type'], fc.Arbitrary<EventValue>]>> = {
  boolean: ['boolean', fc.boolean()],
  byte: ['byte', fc.integer({ min: -128, max: 127 })],
  char: ['char', fc.integer({ min: 0, max: 0xffff })],
  short: ['short', fc.integer({ min: -0x8000, max: 0x7fff })],
  int: ['int', fc.integer()],
  long: ['long', fc.oneof(fc.maxSafeInteger(), fc.nat(), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n))],
  float: ['float', fc.float()],
  double: ['double', fc.double()],
  string: [
    'java.lang.String',
    fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.string({ unit: 'grapheme', minLength: 90, maxLength: 200 }),
      // halves of surrogate pairs, alone
      fc
        .array(fc.integer({ min: 0xd7f0, max: 0xe010 }))
        .map((units) => String.fromCharCode(...units)),
      fc.constant(null),
    ),
  ],
  enumeration: [{ enumeration: 'test.Action', values: ACTIONS }, fc.constantFrom(...ACTIONS, null)],
  pool: ['jdk.types.Method', fc.oneof(fc.nat(), fc.constant(null))],
};

const eventArbitrary = fc
  .array(fc.constantFrom(...Object.keys(KINDS)), { maxLength: 12 })
  .chain((kinds) =>
    fc.record({
      declaration: fc.constant<EventDeclaration>({
        name: 'test.Random',
        label: 'Random',
        category: ['Test'],
        duration: kinds.length % 2 === 0,
        fields: kinds.map((kind, index) => ({
          name: `f${index}`,
          type: KINDS[kind]![0],
          label: kind,
        })),
      }),
      values: fc.tuple(
        ...(kinds.length % 2 === 0 ? ['long', 'long'] : ['long'])
          .concat(kinds)
          .map((kind) => KINDS[kind]![1]),
      ),
    }),
  );

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
      fc.property(eventArbitrary, fc.nat(20), ({ declaration, values }, at) => {
        const type = new EventRegistry().register(declaration);
        const room = at + eventBound(type, values);
        const run = (encode: EncodeEvent, shared: boolean): Uint8Array => {
          const bytes = new Uint8Array(shared ? new SharedArrayBuffer(room + 8) : room + 8).fill(
            0xee,
          );
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
