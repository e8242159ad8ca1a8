// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteCursor } from './cursor.ts';
import { ByteError } from './error.ts';
import { putInt, putLong, putPadded4, putVarint, varintLength } from './varint.ts';

/** The definition, word by word: seven bits a byte, the ninth byte whole. */
function reference(value: bigint): number[] {
  let rest = BigInt.asUintN(64, value);
  const bytes: number[] = [];
  while (bytes.length < 8) {
    if (rest < 0x80n) return [...bytes, Number(rest)];
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return [...bytes, Number(rest)];
}

function written(put: (bytes: Uint8Array) => number): number[] {
  const bytes = new Uint8Array(16).fill(0xee);
  const end = put(bytes);
  expect(bytes[end]).toBe(0xee);
  return [...bytes.subarray(0, end)];
}

const EDGES = [
  0n,
  127n,
  128n,
  2n ** 28n - 1n,
  2n ** 28n,
  2n ** 31n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 55n,
];
const edges = EDGES.concat([
  2n ** 56n - 1n,
  2n ** 56n,
  2n ** 63n - 1n,
  -1n,
  -(2n ** 53n),
  -(2n ** 63n),
]);
const long = fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.constantFrom(...edges));

describe('long', () => {
  it('writes what the format says, bigint or number', () => {
    fc.assert(
      fc.property(long, (value) => {
        expect(written((bytes) => putLong(bytes, 0, value))).toEqual(reference(value));
        const number = Number(value);
        if (Number.isSafeInteger(number)) {
          expect(written((bytes) => putLong(bytes, 0, number))).toEqual(reference(value));
        }
        expect(varintLength(value)).toBe(reference(value).length);
      }),
    );
  });

  it('reads back as a number where that is exact and as a bigint where it is not', () => {
    fc.assert(
      fc.property(long, (value) => {
        const read = new ByteCursor(Uint8Array.from(reference(value))).long();
        expect(BigInt(read)).toBe(value);
        expect(typeof read).toBe(Number.isSafeInteger(Number(value)) ? 'number' : 'bigint');
      }),
    );
  });

  it('takes an unsigned value as the long of the same bits', () => {
    expect(written((bytes) => putLong(bytes, 0, 2n ** 64n - 1n))).toEqual(Array(9).fill(0xff));
    expect(written((bytes) => putLong(bytes, 0, -1))).toEqual(Array(9).fill(0xff));
  });

  it('takes integers beyond 2^53 that a number can say', () => {
    const value = 2 ** 60 + 2 ** 20;
    expect(written((bytes) => putLong(bytes, 0, value))).toEqual(reference(BigInt(value)));
  });

  it.each([
    0.5,
    1e9 + 0.25,
    2 ** 40 + 0.5,
    -1.5,
    Number.NaN,
    Infinity,
    2 ** 63,
    2n ** 64n,
    -(2n ** 63n) - 1n,
  ])('refuses %s', (value) => {
    expect(() => putLong(new Uint8Array(16), 0, value)).toThrow(RangeError);
  });

  it.each([undefined, null, '7', true])('refuses %s, which is no number at all', (value) => {
    expect(() => putLong(new Uint8Array(16), 0, value as never)).toThrow(RangeError);
  });
});

describe('int', () => {
  it('writes a negative one as unsigned 32 bits and reads both forms', () => {
    fc.assert(
      fc.property(fc.integer(), (value) => {
        const bytes = written((into) => putInt(into, 0, value));
        expect(bytes).toEqual(reference(BigInt(value >>> 0)));
        expect(new ByteCursor(Uint8Array.from(bytes)).int()).toBe(value);
        expect(new ByteCursor(Uint8Array.from(reference(BigInt(value)))).int()).toBe(value);
      }),
    );
  });
});

describe('padded', () => {
  it('takes four bytes and reads as any varint', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 28 - 1 }), (value) => {
        const bytes = written((into) => putPadded4(into, 0, value));
        expect(bytes).toHaveLength(4);
        expect(new ByteCursor(Uint8Array.from(bytes)).varint()).toBe(value);
      }),
    );
    expect(() => putPadded4(new Uint8Array(4), 0, 2 ** 28)).toThrow(RangeError);
  });

  it('reads a padded varint of any width', () => {
    expect(
      new ByteCursor(Uint8Array.of(0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00)).varint(),
    ).toBe(1);
  });
});

describe('varint', () => {
  it('refuses sizes beyond 2^53 instead of wrapping', () => {
    for (const value of [2n ** 53n, -1n, 2n ** 40n * 2n ** 20n]) {
      const cursor = new ByteCursor(Uint8Array.from(reference(value)));
      expect(() => cursor.varint()).toThrow(ByteError);
      expect(cursor.position).toBe(0);
    }
  });

  it('never reads past the end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        const cursor = new ByteCursor(bytes);
        try {
          cursor.long();
          expect(cursor.position).toBeLessThanOrEqual(bytes.length);
        } catch (error) {
          expect(error).toMatchObject({ code: 'BYTES_TRUNCATED', offset: 0 });
          expect(bytes.length).toBeLessThan(9);
        }
      }),
    );
  });

  it('writes non-negative numbers without bigint', () => {
    expect(written((bytes) => putVarint(bytes, 0, 2 ** 53 - 1))).toEqual(reference(2n ** 53n - 1n));
  });
});
