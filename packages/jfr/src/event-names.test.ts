// SPDX-License-Identifier: Apache-2.0
import { ByteCursor } from '@rekindle/bytes';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { JfrError } from './error.ts';
import { readEventNames, steppedNames } from './event-names.ts';
import { metadataContent } from './metadata.ts';
import { metadata, type Tree, tree } from './testing/assemble.ts';

const PLACE = { chunk: 0, offset: 0 };

function content(classes: readonly Tree[], encoding: 3 | 4 | 5 = 3): Uint8Array {
  const found = metadataContent(Uint8Array.from(metadata(classes, 1, encoding)), 0);
  if (found === undefined) throw new Error('no metadata event');
  return found;
}

function byTypeScript(bytes: Uint8Array): Map<number, string> {
  const cursor = new ByteCursor(bytes);
  cursor.long(); // metadata id
  return steppedNames(cursor);
}

const aClass: fc.Arbitrary<Tree> = fc
  .tuple(
    fc.integer({ min: 10, max: 40_000 }),
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.constantFrom('jdk.jfr.Event', 'java.lang.annotation.Annotation', ''),
    fc.array(fc.string({ maxLength: 20 }), { maxLength: 30 }),
  )
  .map(([id, name, superType, fields]) =>
    tree(
      'class',
      { id: String(id), name, ...(superType && { superType }) },
      fields.map((field) => tree('field', { name: field, class: '4' }, [tree('annotation')])),
    ),
  );

test('names of event types, and of nothing else, by id', () => {
  const names = readEventNames(
    content([
      tree('class', { id: '7', name: 'jdk.Flush', superType: 'jdk.jfr.Event' }),
      tree('class', { name: 'my.Ereignis✓', superType: 'jdk.jfr.Event', id: '20001' }),
      tree('class', { id: '9', name: 'java.lang.String' }),
      tree('class', {
        id: '10',
        name: 'jdk.jfr.Label',
        superType: 'java.lang.annotation.Annotation',
      }),
    ]),
    PLACE,
  );
  expect([...names]).toEqual([
    [7, 'jdk.Flush'],
    [20_001, 'my.Ereignis✓'],
  ]);
});

test('WebAssembly finds the names that TypeScript finds', () => {
  fc.assert(
    fc.property(
      fc.array(aClass, { maxLength: 12 }),
      fc.constantFrom(3 as const, 4 as const, 5 as const),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }),
      (classes, encoding, mutations) => {
        const bytes = content(classes, encoding).slice();
        for (const [at, byte] of mutations) bytes[at % bytes.length] = byte;
        let expected: Map<number, string> | undefined;
        try {
          expected = byTypeScript(bytes);
        } catch {}
        // what is stepped over need not be a number that TypeScript can hold
        try {
          const names = readEventNames(bytes, PLACE);
          if (expected !== undefined) expect(names).toEqual(expected);
        } catch (error) {
          expect(error).toBeInstanceOf(JfrError);
          expect(expected).toBeUndefined();
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('elements nested without end are refused', () => {
  let deep = tree('class');
  for (let depth = 0; depth < 100; depth++) deep = tree('class', {}, [deep]);
  expect(() => readEventNames(content([deep]), PLACE)).toThrow(/nested too deeply/);
});
