// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteCursor } from './cursor.ts';
import { ByteSink } from './sink.ts';

describe('cursor and sink', () => {
  it('read back what was written', () => {
    const value = fc.oneof(
      fc.record({ kind: fc.constant('u8' as const), value: fc.integer({ min: 0, max: 255 }) }),
      fc.record({ kind: fc.constant('u16be' as const), value: fc.integer({ min: 0, max: 65535 }) }),
      fc.record({
        kind: fc.constant('u32be' as const),
        value: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      }),
      fc.record({
        kind: fc.constant('i64be' as const),
        value: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
      }),
      fc.record({ kind: fc.constant('f64be' as const), value: fc.double() }),
      fc.record({ kind: fc.constant('f32be' as const), value: fc.float() }),
      fc.record({ kind: fc.constant('varint' as const), value: fc.nat() }),
      fc.record({ kind: fc.constant('int' as const), value: fc.integer() }),
    );
    fc.assert(
      fc.property(fc.array(value), (values) => {
        const sink = new ByteSink(1);
        for (const one of values) sink[one.kind](one.value as never);
        const cursor = new ByteCursor(sink.copy());
        for (const one of values) expect(cursor[one.kind]()).toBe(one.value);
        expect(cursor.remaining).toBe(0);
      }),
    );
  });

  it('keeps text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const sink = new ByteSink(1);
        sink.utf8(text);
        const cursor = new ByteCursor(sink.view());
        expect(cursor.utf8(cursor.varint())).toBe(text);
        expect(cursor.remaining).toBe(0);
      }),
    );
  });

  it('takes Latin-1 for what it is, not for windows-1252', () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    expect(new ByteCursor(bytes).latin1(256)).toBe(String.fromCharCode(...bytes));
  });
});

describe('bounds', () => {
  const reads: readonly [string, number, (cursor: ByteCursor) => unknown][] = [
    ['u8', 1, (cursor) => cursor.u8()],
    ['u16be', 2, (cursor) => cursor.u16be()],
    ['u32be', 4, (cursor) => cursor.u32be()],
    ['i64be', 8, (cursor) => cursor.i64be()],
    ['f32be', 4, (cursor) => cursor.f32be()],
    ['f64be', 8, (cursor) => cursor.f64be()],
    ['take', 5, (cursor) => cursor.take(5)],
    ['skip', 5, (cursor) => cursor.skip(5)],
    ['utf8', 5, (cursor) => cursor.utf8(5)],
  ];
  it.each(reads)('%s stops at the limit, not at the end of the buffer', (_name, size, read) => {
    const bytes = new Uint8Array(32);
    expect(() => read(new ByteCursor(bytes, 3, 3 + size - 1))).toThrow(
      expect.objectContaining({ code: 'BYTES_TRUNCATED' }),
    );
    read(new ByteCursor(bytes, 3, 3 + size));
  });

  it.each([-1, Number.NaN, 2 ** 53])('a length of %s is refused', (length) => {
    const cursor = new ByteCursor(new Uint8Array(8));
    expect(() => cursor.skip(length)).toThrow(expect.objectContaining({ code: 'BYTES_TRUNCATED' }));
    expect(() => cursor.seek(length)).toThrow(expect.objectContaining({ code: 'BYTES_RANGE' }));
  });

  it('a range outside the bytes is refused', () => {
    expect(() => new ByteCursor(new Uint8Array(8), 0, 9)).toThrow(
      expect.objectContaining({ code: 'BYTES_RANGE' }),
    );
  });
});
