// SPDX-License-Identifier: Apache-2.0
// Compiled decoder, interpreter and objects agree with each other, and with what was written, on
// arbitrary types and values in arbitrary legal encodings.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DecodeMode } from './decode-columns.ts';
import { openRecording } from './recording.ts';
import {
  type Bytes,
  checkpoint,
  chunk,
  event,
  eventClass,
  field,
  metadata,
  PRIMITIVES,
  primitive,
  text,
  tree,
  varint,
} from './testing/assemble.ts';
import { isStruct, type Value } from './value.ts';

const UNSIGNED = tree('annotation', { class: '40' });
const TICKS = tree('annotation', { class: '41', value: 'TICKS' });
const CLASSES = [
  ...PRIMITIVES,
  tree('class', {
    name: 'jdk.jfr.Unsigned',
    id: '40',
    superType: 'java.lang.annotation.Annotation',
  }),
  tree('class', {
    name: 'jdk.jfr.Timestamp',
    id: '41',
    superType: 'java.lang.annotation.Annotation',
  }),
  tree('class', { name: 'test.Pair', id: '42' }, [
    field('first', primitive('int')),
    field('second', primitive('java.lang.String')),
  ]),
  tree('class', { name: 'test.Kind', id: '43', simpleType: 'true' }, [
    field('name', primitive('java.lang.String')),
  ]),
];

const STRINGS = new Map<number | bigint, string>([
  [1, 'pooled'],
  [2, 'twice'],
  [70_000_000_000, 'far key'],
  [-(2n ** 62n), 'negative key'],
]);
const KINDS = new Map<number | bigint, string>([
  [0, 'key zero'],
  [1, 'one'],
  [-1, 'key minus one'],
]);

/** A value as it should be read, and one way to write it. */
interface Sample {
  readonly value: unknown;
  readonly bytes: Bytes;
}

interface Kind {
  readonly field: (name: string) => ReturnType<typeof field>;
  readonly sample: fc.Arbitrary<Sample>;
}

const width = fc.integer({ min: 0, max: 9 });
const small = (value: bigint): number | bigint =>
  Number.isSafeInteger(Number(value)) ? Number(value) : value;
const float = (value: number, bytes: 4 | 8): Bytes => {
  const view = new DataView(new ArrayBuffer(bytes));
  if (bytes === 4) view.setFloat32(0, value);
  else view.setFloat64(0, value);
  return [...new Uint8Array(view.buffer)];
};
const anyLong = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.integer({ min: 0, max: 62 }).chain((shift) =>
    fc.tuple(fc.integer({ min: -1, max: 1 }), fc.boolean()).map(([off, negative]) => {
      const value = (1n << BigInt(shift)) + BigInt(off);
      return negative ? -value : value;
    }),
  ),
);
const anyText = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constant('same'),
);
const inlineString: fc.Arbitrary<Sample> = fc.oneof(
  fc.constant({ value: null, bytes: [0] }),
  fc.constant({ value: '', bytes: [1] }),
  fc
    .constantFrom<number | bigint>(...STRINGS.keys(), 99)
    .map((key) => ({ value: STRINGS.get(key) ?? null, bytes: [2, ...varint(key)] })),
  anyText.map((value) => ({ value: value.toWellFormed(), bytes: text(value.toWellFormed(), 3) })),
  anyText.map((value) => ({ value, bytes: text(value, 4) })),
  fc
    .string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) })
    .map((value) => ({ value, bytes: text(value, 5) })),
);
const int = (bits: number, unsigned: boolean): fc.Arbitrary<Sample> =>
  fc.tuple(fc.maxSafeInteger(), width, fc.boolean()).map(([any, pad, extended]) => {
    const value = Number(
      unsigned ? BigInt.asUintN(bits, BigInt(any)) : BigInt.asIntN(bits, BigInt(any)),
    );
    // negative numbers come as unsigned 32 bits, or sign-extended in nine bytes
    return { value, bytes: varint(extended ? value : value < 0 ? value >>> 0 : value, pad) };
  });

const scalar = (
  name: string,
  sample: fc.Arbitrary<Sample>,
  notes: (typeof UNSIGNED)[] = [],
): Kind => ({
  field: (label) => field(label, primitive(name), {}, notes),
  sample,
});
const reference: fc.Arbitrary<Sample> = fc
  .constantFrom<number | bigint>(...KINDS.keys(), 7, 2n ** 60n)
  .map((key) => ({ value: KINDS.get(key) ?? null, bytes: varint(key) }));
const pair: fc.Arbitrary<Sample> = fc
  .tuple(int(32, false), inlineString)
  .map(([first, second]) => ({
    value: { first: first.value, second: second.value },
    bytes: [...first.bytes, ...second.bytes],
  }));

const KINDS_OF_FIELD: readonly Kind[] = [
  scalar(
    'boolean',
    fc.boolean().map((value) => ({ value, bytes: [value ? 1 : 0] })),
  ),
  scalar(
    'byte',
    fc.integer({ min: -128, max: 127 }).map((value) => ({ value, bytes: [value & 255] })),
  ),
  scalar(
    'byte',
    fc.nat(255).map((value) => ({ value, bytes: [value] })),
    [UNSIGNED],
  ),
  scalar('short', int(16, false)),
  scalar('short', int(16, true), [UNSIGNED]),
  scalar(
    'char',
    fc.nat(0xffff).map((value) => ({ value: String.fromCharCode(value), bytes: varint(value) })),
  ),
  scalar('int', int(32, false)),
  scalar('int', int(32, true), [UNSIGNED]),
  scalar(
    'long',
    fc
      .tuple(anyLong, width)
      .map(([value, pad]) => ({ value: small(value), bytes: varint(value, pad) })),
  ),
  scalar(
    'long',
    fc
      .tuple(anyLong, width)
      .map(([value, pad]) => ({ value: small(value), bytes: varint(value, pad) })),
    [TICKS],
  ),
  scalar(
    'long',
    anyLong.map((value) => ({ value: small(BigInt.asUintN(64, value)), bytes: varint(value) })),
    [UNSIGNED],
  ),
  scalar(
    'float',
    fc.float().map((value) => ({ value, bytes: float(value, 4) })),
  ),
  scalar(
    'double',
    fc.double().map((value) => ({ value, bytes: float(value, 8) })),
  ),
  scalar('java.lang.String', inlineString),
  { field: (name) => field(name, '43', { constantPool: 'true' }), sample: reference },
  { field: (name) => field(name, '42'), sample: pair },
  {
    field: (name) => field(name, '42', { dimension: '1' }),
    sample: fc.array(pair, { maxLength: 4 }).map((items) => ({
      value: items.map((item) => item.value),
      bytes: [...varint(items.length), ...items.flatMap((item) => [...item.bytes])],
    })),
  },
];

const recording = fc.array(fc.constantFrom(...KINDS_OF_FIELD), { maxLength: 12 }).chain((kinds) =>
  fc.record({
    kinds: fc.constant(kinds),
    rows: fc.array(
      fc.record({
        values: fc.tuple(...kinds.map((kind) => kind.sample)),
        slack: fc.array(fc.nat(255), { maxLength: 3 }),
        sizeWidth: fc.integer({ min: 1, max: 9 }),
      }),
      { maxLength: 12 },
    ),
    typeId: fc.constantFrom(100, 127, 128, 20_000, 70_000, 2 ** 40),
    order: fc.boolean(),
    encoding: fc.constantFrom<3 | 4>(3, 4),
  }),
);

test('columns and objects hold what was written, compiled or not', async () => {
  await fc.assert(
    fc.asyncProperty(recording, async ({ kinds, rows, typeId, order, encoding }) => {
      const fields = kinds.map((kind, at) => kind.field(`f${at}`));
      const type = eventClass('test.Event', typeId, fields);
      const types = metadata([type, ...CLASSES], 1, encoding);
      const strings = [...STRINGS].map(([key, value]) => ({ key, value: text(value) }));
      const names = [...KINDS].map(([key, value]) => ({ key, value: text(value, 5) }));
      const first = checkpoint(new Map([[9, strings]]));
      const events = rows.map(({ values, slack, sizeWidth }) =>
        event(
          typeId,
          [...(values as Sample[]).flatMap(({ bytes }) => [...bytes]), ...slack],
          sizeWidth,
        ),
      );
      const unknown = event(999, [1, 2, 3]);
      const middle = order ? [types, first, ...events] : [first, ...events, types];
      const before = middle.flat().length - (order ? types.length : 0);
      const second = checkpoint(new Map([[43, names]]), -before - unknown.length);
      const bytes = chunk([...middle, unknown, second]);
      for (const decode of ['compiled', 'interpreted'] as DecodeMode[]) {
        const read = await openRecording(bytes, { decode });
        const one = await read.chunk(0);
        const objects = [...one.events({ types: ['test.Event'] })].map(({ fields: got }) =>
          plain(got),
        );
        const expected = rows.map(({ values }) =>
          Object.fromEntries((values as Sample[]).map(({ value }, at) => [`f${at}`, value])),
        );
        expect(objects).toEqual(expected);
        const columns = one.columns('test.Event');
        expect(columns.length).toBe(rows.length);
        for (const column of columns.all) {
          for (const [row, object] of expected.entries()) {
            expect(plain(column.get(row))).toEqual(at(object, column.name));
          }
        }
        for (const { name } of columns.all) {
          const alone = one.columns('test.Event', [name]).get(name);
          for (let row = 0; row < rows.length; row++) {
            expect(plain(alone.get(row))).toEqual(plain(columns.get(name).get(row)));
          }
        }
      }
    }),
    { numRuns: 300 },
  );
});

function plain(value: Value): unknown {
  if (Array.isArray(value)) return value.map((item: Value) => plain(item));
  if (!isStruct(value)) return value;
  const names = Object.keys(Object.getPrototypeOf(value));
  return Object.fromEntries(names.map((name) => [name, plain(value[name]!)]));
}

function at(object: unknown, path: string): unknown {
  return path.split('.').reduce((value, name) => (value as Record<string, unknown>)[name], object);
}
