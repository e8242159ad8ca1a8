// SPDX-License-Identifier: Apache-2.0
import { ByteCursor } from '@rekindle/bytes';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventBatch, scanEvents } from './scan.ts';
import { INDEX_ROOM, ScanMemory } from './scan-wasm.ts';
import { skipString, skipVarint } from './string-encoding.ts';
import { type Bytes, event, varint } from './testing/assemble.ts';

function taken(): ScanMemory {
  const memory = ScanMemory.take();
  if (memory === undefined) throw new Error('no WebAssembly here');
  return memory;
}

/** Bytes that may be events, and may not. */
const someBytes: fc.Arbitrary<Uint8Array> = fc
  .array(
    fc.oneof(
      {
        weight: 8,
        arbitrary: fc
          .tuple(
            fc.constantFrom(2, 3, 127, 128, 16_383, 16_384, 2 ** 31),
            fc.oneof({ weight: 9, arbitrary: fc.nat(40) }, fc.nat(300), fc.constantFrom(16_500)),
            fc.integer({ min: 1, max: 9 }),
          )
          .map(([typeId, length, width]) =>
            event(typeId, new Array<number>(length).fill(255), width),
          ),
      },
      { weight: 1, arbitrary: fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 12 }) },
    ),
    { maxLength: 20 },
  )
  .map((parts) => Uint8Array.from(parts.flat()));

test('walking passes over the events that scanning finds, and counts them', () => {
  fc.assert(
    fc.property(someBytes, fc.constantFrom(2, 3, 127, 128), (bytes, stopAt) => {
      const memory = taken();
      const room = memory.reserve(bytes.length);
      room.set(bytes);
      memory.table[stopAt] = 1;
      const tallied = new Map<number, [count: number, bytes: number]>();
      memory.takeTally(() => {});
      const end = memory.walk(room, 0, room.length, 0, true);
      memory.takeTally((typeId, count, sum) => tallied.set(typeId, [count, sum]));
      memory.release();

      const batch = new EventBatch();
      const stop = scanEvents(bytes, 0, bytes.length, batch);
      const expected = new Map<number, [count: number, bytes: number]>();
      let position = 0;
      for (let row = 0; row < batch.count; row++) {
        const offset = batch.offsets[row]!;
        const typeId = batch.typeIds[row]!;
        if (typeId === stopAt || typeId < 0 || typeId > 16_383) break;
        position = batch.offsets[row + 1]!;
        const known = expected.get(typeId) ?? [0, 0];
        expected.set(typeId, [known[0] + 1, known[1] + position - offset]);
      }
      expect(end).toBe(position);
      expect(end).toBeLessThanOrEqual(stop);
      expect(tallied).toEqual(expected);
    }),
    { numRuns: 200 },
  );
});

/** Long stretches of few kinds of events, whose bytes look like the beginnings of such events. */
const manyBytes: fc.Arbitrary<Uint8Array> = fc
  .tuple(
    fc.array(
      fc.tuple(fc.constantFrom(2, 3, 200, 300), fc.nat(140), fc.integer({ min: 1, max: 5 })),
      { minLength: 1, maxLength: 4 },
    ),
    fc.integer({ min: 10_000, max: 40_000 }),
    fc.integer(),
    fc.nat(3),
    fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 12 }),
  )
  .map(([kinds, length, seed, odds, tail]) => {
    const heads = kinds.map(([typeId, size, width]) =>
      event(typeId, new Array(size).fill(0), width),
    );
    let state = seed | 1;
    const random = (below: number): number => {
      state = Math.imul(state, 1_103_515_245) + 12_345;
      return ((state >>> 16) & 0x7fff) % below;
    };
    const bytes: number[] = [];
    while (bytes.length < length) {
      const [typeId, size, width] = kinds[random(kinds.length)]!;
      const fake = heads[random(heads.length)]!;
      const payload = new Array<number>(size).fill(0);
      if (random(4) < odds) payload.splice(random(size + 1), fake.length, ...fake.slice(0, 5));
      bytes.push(...event(random(400) === 0 ? 127 : typeId, payload.slice(0, size), width));
    }
    return Uint8Array.from([...bytes, ...tail]);
  });

test('two lanes come to where one comes to, whatever the second took for an event', () => {
  let inLanes = 0;
  fc.assert(
    fc.property(manyBytes, fc.boolean(), (bytes, stops) => {
      const memory = taken();
      const room = memory.reserve(bytes.length);
      room.set(bytes);
      if (stops) memory.table[127] = 1;
      const end = memory.walk(room, 0, room.length, 0);
      expect(end).toBe(memory.walk(room, 0, room.length, 0, true)); // tallied: in one lane
      memory.takeTally(() => {});
      memory.release();
      if (end > 10_240) inLanes++;

      let position = 0;
      const batch = new EventBatch(1);
      while (position < bytes.length) {
        const next = scanEvents(bytes, position, bytes.length, batch);
        const typeId = batch.typeIds[0]!;
        if (batch.stop !== undefined || typeId < 0 || typeId > 16_383) break;
        if (stops && typeId === 127) break;
        position = next;
      }
      expect(end).toBe(position);
    }),
    { numRuns: 300 },
  );
  expect(inLanes).toBeGreaterThan(50);
});

/** A varint of any width up to nine bytes, padded as HotSpot pads. */
const aVarint: fc.Arbitrary<Bytes> = fc
  .tuple(
    fc.oneof(fc.nat(200), fc.nat(2 ** 31 - 1), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)),
    fc.integer({ min: 1, max: 9 }),
  )
  .map(([value, width]) => padded(BigInt(value), width));

function padded(value: bigint, width: number): Bytes {
  let rest = BigInt.asUintN(64, value);
  const bytes: number[] = [];
  while (bytes.length < 8 && (rest > 127n || bytes.length + 1 < width)) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return [...bytes, Number(rest)];
}

const aString: fc.Arbitrary<Bytes> = fc.oneof(
  fc.constantFrom<Bytes>([0], [1], [2, 200, 1], [6]),
  fc.uint8Array({ maxLength: 40 }).map((text) => [5, ...varint(text.length), ...text]),
  fc
    .array(aVarint, { maxLength: 40 })
    .map((units) => [4, ...varint(units.length), ...units.flat()]),
);

/** Instructions of pool-program.ts beside bytes that they step over. */
const aPart: fc.Arbitrary<{ code: readonly number[]; bytes: Bytes }> = fc.oneof(
  fc.integer({ min: 1, max: 20 }).map((n) => ({ code: [1, n], bytes: new Array(n).fill(200) })),
  fc
    .array(aVarint, { minLength: 1, maxLength: 60 })
    .map((all) => ({ code: [2, all.length], bytes: all.flat() })),
  aString.map((bytes) => ({ code: [3, 1], bytes })),
  fc
    .tuple(fc.integer({ min: 1, max: 4 }), fc.array(aVarint, { maxLength: 80 }))
    .map(([each, all]) => {
      const count = Math.floor(all.length / each);
      const elements = all.slice(0, count * each).flat();
      return { code: [4, each], bytes: [...varint(count), ...elements] };
    }),
);

/** The same in TypeScript; undefined where it does not fit. */
function stepOver(bytes: Uint8Array, program: Uint8Array, start: number): number | undefined {
  let at = start;
  for (let op = 0; program[op] !== 0; op += 2) {
    const count = program[op + 1]!;
    let varints = program[op] === 2 ? count : 0;
    if (program[op] === 1) at += count;
    if (program[op] === 3) at = skipString(bytes, at, bytes.length);
    if (program[op] === 4) {
      if (skipVarint(bytes, at) > bytes.length) return undefined;
      const elements = new ByteCursor(bytes, at).varint();
      at = skipVarint(bytes, at);
      if (elements > bytes.length - at) return undefined;
      varints = elements * count;
    }
    for (let left = varints; left > 0 && at <= bytes.length; left--) at = skipVarint(bytes, at);
    if (!(at <= bytes.length)) return undefined;
  }
  return at;
}

test('indexing finds the constants that are there, up to one that is cut or odd', () => {
  fc.assert(
    fc.property(
      fc.array(aPart, { maxLength: 6 }),
      fc.array(aVarint, { minLength: 1, maxLength: 10 }),
      fc.nat(400),
      (parts, keys, cut) => {
        const program = Uint8Array.from([...parts.flatMap(({ code }) => code), 0]);
        const body = parts.flatMap(({ bytes }) => [...bytes]);
        const whole = Uint8Array.from(keys.flatMap((key) => [...key, ...body]));
        const bytes = whole.subarray(0, Math.max(0, whole.length - (cut < 200 ? 0 : cut - 200)));

        const expected: { key: number; offset: number }[] = [];
        let next = 0;
        while (expected.length < keys.length) {
          const value = skipVarint(bytes, next);
          if (value > bytes.length) break;
          const key = new ByteCursor(bytes, next).long();
          const end = stepOver(bytes, program, value);
          if (typeof key === 'bigint' || end === undefined) break;
          expected.push({ key, offset: value });
          next = end;
        }

        const memory = taken();
        const room = memory.reserve(INDEX_ROOM + bytes.length);
        room.set(bytes, INDEX_ROOM);
        memory.program = program;
        const found = memory.index(room, INDEX_ROOM, room.length, keys.length);
        const entries = [...found.keys].map((key, index) => ({
          key,
          offset: found.offsets[index]! - INDEX_ROOM,
        }));
        memory.release();
        expect(entries).toEqual(expected);
        expect(found.next - INDEX_ROOM).toBe(next);
      },
    ),
    { numRuns: 1000 },
  );
});
