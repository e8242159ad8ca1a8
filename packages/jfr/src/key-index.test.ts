// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KeyIndex } from './key-index.ts';

const key = fc.oneof(
  fc.integer({ min: -20, max: 20 }),
  fc.maxSafeInteger(),
  // as HotSpot's: the same below and above, different between
  fc.nat(400).map((middle) => 2 ** 44 + middle * 65_536 + 7),
);

test('finds what a map finds', () => {
  fc.assert(
    fc.property(fc.array(key, { maxLength: 300 }), fc.array(key), (keys, others) => {
      const index = KeyIndex.of(Float64Array.from(keys));
      const map = new Map(keys.map((each, at) => [each, at]));
      for (const each of [...keys, ...others]) expect(index?.get(each)).toBe(map.get(each) ?? -1);
    }),
  );
});

test('keys that were lost are found by none', () => {
  const index = KeyIndex.of(Float64Array.of(Number.NaN, 5, Number.NaN))!;
  expect([index.get(5), index.get(0), index.get(Number.NaN)]).toEqual([1, -1, -1]);
});

test('gives up where all keys want one place', () => {
  const same = Float64Array.from({ length: 200 }, (_, at) => at * 2 ** 32 + at);
  expect(KeyIndex.of(same)).toBeUndefined();
});
