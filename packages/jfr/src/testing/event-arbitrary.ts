// SPDX-License-Identifier: Apache-2.0
// Random event types with values for them.
import fc from 'fast-check';
import type { EventDeclaration, FieldDeclaration } from '../declaration.ts';
import type { EventValue } from '../write/encoder.ts';

export const ACTIONS = ['copy', 'zero', 'raced'] as const;

/** For each type of field: values of it. */
export const KINDS: Readonly<Record<string, [FieldDeclaration['type'], fc.Arbitrary<EventValue>]>> =
  {
    boolean: ['boolean', fc.boolean()],
    byte: ['byte', fc.integer({ min: -128, max: 127 })],
    char: ['char', fc.integer({ min: 0, max: 0xffff })],
    short: ['short', fc.integer({ min: -0x8000, max: 0x7fff })],
    int: ['int', fc.integer()],
    long: [
      'long',
      fc.oneof(fc.maxSafeInteger(), fc.nat(), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)),
    ],
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
    enumeration: [
      { enumeration: 'test.Action', values: ACTIONS },
      fc.constantFrom(...ACTIONS, null),
    ],
    pool: ['jdk.types.Method', fc.oneof(fc.nat(), fc.constant(null))],
  };

/** A declaration and values for it, by position. */
export const randomEvent: fc.Arbitrary<{ declaration: EventDeclaration; values: EventValue[] }> = fc
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
