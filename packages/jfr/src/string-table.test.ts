// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StringTable } from './string-table.ts';
import { text } from './testing/assemble.ts';

test('one index for one string, the text it was', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string({ maxLength: 4 }), fc.constantFrom('a', ''))),
      (texts) => {
        const encoded = texts.map((value) => text(value.toWellFormed()));
        const bytes = Uint8Array.from(encoded.flat());
        const table = new StringTable(bytes, undefined);
        let at = 0;
        const indices = encoded.map((one) => {
          const index = table.inline(at, at + one.length);
          at += one.length;
          return index;
        });
        expect(indices.map((index) => table.get(index))).toEqual(
          texts.map((one) => one.toWellFormed()),
        );
        expect(new Set(indices).size).toBe(new Set(texts.map((one) => one.toWellFormed())).size);
      },
    ),
  );
});

test('strings that were made to have one hash are not compared with all before them', () => {
  // 31 · c + d is the same for (c, d) and (c + 1, d - 31)
  const pairs = ['az', 'b['];
  const count = 2 ** 15;
  const texts = Array.from({ length: count }, (_, bits) =>
    Array.from({ length: 15 }, (_, at) => pairs[(bits >> at) & 1]).join(''),
  );
  const encoded = texts.map((value) => text(value, 5));
  const bytes = Uint8Array.from(encoded.flat());
  const table = new StringTable(bytes, undefined);
  let at = 0;
  for (const one of [...encoded, ...encoded.slice(0, 10)]) {
    if (at + one.length > bytes.length) at = 0;
    table.inline(at, at + one.length);
    at += one.length;
  }
  // the search gave up, and says so; compared one by one this were 500 million comparisons
  expect(table.mixed).toBe(true);
  expect(table.get(count - 1)).toBe(texts[count - 1]);
});
