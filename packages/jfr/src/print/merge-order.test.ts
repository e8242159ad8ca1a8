// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mergeOrder } from './merge-order.ts';

test('as a stable sort', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -5, max: 20 })), (keys) => {
      const expected = [...keys.keys()].sort((a, b) => keys[a]! - keys[b]!);
      expect([...mergeOrder(Float64Array.from(keys))]).toEqual(expected);
    }),
  );
});
