// SPDX-License-Identifier: Apache-2.0
import { describe, expectTypeOf, it } from 'vitest';
import type { EventDeclaration } from '../declaration.ts';
import { compileEncoder } from './encoder-compile.ts';
import type { EventArguments, EventValues, Key, Long, Text } from './event-values.ts';
import { EventRegistry } from './registry.ts';

const Fault = {
  name: 'test.Fault',
  label: 'Fault',
  category: [],
  duration: true,
  thread: true,
  fields: [
    { name: 'address', type: 'long', label: 'Address' },
    { name: 'write', type: 'boolean', label: 'Write' },
    { name: 'action', type: { enumeration: 'test.Action', values: ['copy', 'zero'] }, label: 'A' },
    { name: 'note', type: 'java.lang.String', label: 'Note' },
    {
      name: 'space',
      type: { struct: 'test.Space', fields: [{ name: 'used', type: 'int', label: 'Used' }] },
      label: 'Space',
    },
    { name: 'method', type: 'jdk.types.Method', label: 'Method' },
  ],
} as const satisfies EventDeclaration;

describe('types of an event', () => {
  it('follow from its declaration, by position', () => {
    expectTypeOf<EventArguments<typeof Fault>>().toEqualTypeOf<
      [
        startTime: Long,
        duration: Long,
        eventThread: Key,
        Long,
        boolean,
        'copy' | 'zero' | Key,
        Text,
        number,
        Key,
      ]
    >();
  });

  it('follow from its declaration, by name', () => {
    expectTypeOf<EventValues<typeof Fault>['address']>().toEqualTypeOf<Long>();
    expectTypeOf<EventValues<typeof Fault>['action']>().toEqualTypeOf<'copy' | 'zero' | Key>();
    expectTypeOf<EventValues<typeof Fault>['space.used']>().toEqualTypeOf<number>();
    expectTypeOf<EventValues<typeof Fault>['duration']>().toEqualTypeOf<Long>();
    expectTypeOf<EventValues<typeof Fault>>().not.toHaveProperty('stackTrace');
  });

  it('make a wrong call an error', () => {
    const encode = compileEncoder(new EventRegistry().register(Fault));
    const bytes = new Uint8Array(200);
    encode(bytes, 0, 200, 1, 2, null, 3, true, 'zero', 'note', 4, 0);
    // @ts-expect-error: no such value
    const wrong = () => encode(bytes, 0, 200, 1, 2, null, 3, true, 'other', 'note', 4, 0);
    // @ts-expect-error: one value short
    const short = () => encode(bytes, 0, 200, 1, 2, null, 3, true, 'zero', 'note', 4);
    void [wrong, short];
  });
});
