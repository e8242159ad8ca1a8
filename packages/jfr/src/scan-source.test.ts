// SPDX-License-Identifier: Apache-2.0
import { type ByteSource, bufferSource } from '@rekindle/bytes';
import fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';
import { EventIndex } from './event-index.ts';
import { findChunks } from './find-chunks.ts';
import { HEADER_SIZE } from './header.ts';
import { type Bytes, checkpoint, chunk, event, metadata, PRIMITIVES } from './testing/assemble.ts';

/** Sources of every kind: views of memory; read into memory of the caller's, at once or later. */
const sources: readonly ((bytes: Uint8Array) => ByteSource)[] = [
  bufferSource,
  readSource,
  (bytes) => ({
    ...readSource(bytes),
    read: async (start, target) => {
      await new Promise((resolve) => setImmediate(resolve));
      target.set(bytes.subarray(start, start + target.length));
    },
  }),
];

function readSource(bytes: Uint8Array): ByteSource {
  return {
    ...bufferSource(bytes),
    read: (start, target) => target.set(bytes.subarray(start, start + target.length)),
  };
}

afterEach(() => vi.unstubAllGlobals());

/** The package anew, in a world with or without WebAssembly. */
async function load(webAssembly: boolean): Promise<{
  countEvents: typeof import('./count-events.ts').countEvents;
  siftChunk: typeof import('./sift-chunk.ts').siftChunk;
}> {
  vi.resetModules();
  if (!webAssembly) vi.stubGlobal('WebAssembly', undefined);
  const { ScanMemory } = await import('./scan-wasm.ts');
  const memory = ScanMemory.take();
  expect(memory !== undefined).toBe(webAssembly);
  memory?.release();
  const { countEvents } = await import('./count-events.ts');
  const { siftChunk } = await import('./sift-chunk.ts');
  return { countEvents, siftChunk };
}

const anEvent: fc.Arbitrary<Bytes> = fc
  .tuple(
    fc.constantFrom(2, 100, 127, 128, 16_383, 16_384, 2 ** 31, 2 ** 40),
    fc.oneof({ weight: 9, arbitrary: fc.nat(40) }, { weight: 1, arbitrary: fc.nat(700) }),
    fc.integer({ min: 1, max: 9 }),
  )
  .map(([typeId, length, width]) => event(typeId, new Array<number>(length).fill(7), width));

for (const webAssembly of [true, false]) {
  const world = webAssembly ? 'with WebAssembly' : 'without WebAssembly';

  test(`any window, down to the smallest, finds the events that are there, ${world}`, async () => {
    const { countEvents, siftChunk } = await load(webAssembly);
    await fc.assert(
      fc.asyncProperty(
        fc.array(anEvent, { maxLength: 60 }),
        fc.integer({ min: 18, max: 300 }),
        fc.constantFrom(...sources),
        async (events, window, sourceOf) => {
          const types = metadata(PRIMITIVES);
          const bytes = chunk([
            ...events,
            types,
            checkpoint(new Map([[2, [{ key: 1, value: [1] }]]])),
          ]);
          const index = new EventIndex();
          expect(index.walk(bytes, HEADER_SIZE, bytes.length)).toBeUndefined();
          const source = sourceOf(bytes);
          const [place] = (await findChunks(source, false)).places;
          const counted = await countEvents(source, place!, window);
          const expected = [...index.entries()].map(([typeId, { count, bytes: sum }]) => ({
            typeId,
            count,
            bytes: sum,
          }));
          const byType = (a: { typeId: number }, b: { typeId: number }): number =>
            a.typeId - b.typeId;
          expect(counted.sort(byType)).toEqual(expected.sort(byType));

          const sifted = await siftChunk(source, place!, new Set([100, 2 ** 31]), { window });
          const kept = new EventIndex();
          expect(kept.walk(sifted.bytes, HEADER_SIZE, sifted.bytes.length)).toBeUndefined();
          for (const typeId of [0, 1, 100, 2 ** 31]) {
            const origins = [...(kept.get(typeId)?.offsets ?? [])].map((at) => sifted.origin(at));
            expect(origins).toEqual([...(index.get(typeId)?.offsets ?? [])]);
          }
          expect(kept.get(127)).toBeUndefined();
          expect(sifted.origin(sifted.metadataPosition)).toBe(place!.header.metadataPosition);
        },
      ),
    );
  });

  test(`damage is found at the same place through any window, ${world}`, async () => {
    const { countEvents } = await load(webAssembly);
    await fc.assert(
      fc.asyncProperty(
        fc.array(anEvent, { maxLength: 30 }),
        fc.constantFrom<Bytes>([0], [0, 0], [1], [127, 100], [255, 255, 255, 255, 255, 7], [128]),
        fc.integer({ min: 18, max: 300 }),
        fc.constantFrom(...sources),
        async (events, rubbish, window, sourceOf) => {
          const bytes = chunk([...events, rubbish], {
            metadataPosition: 0,
            constantPoolPosition: 0,
          });
          const stop = new EventIndex().walk(bytes, HEADER_SIZE, bytes.length);
          const source = sourceOf(bytes);
          const [place] = (await findChunks(source, false)).places;
          await expect(countEvents(source, place!, window)).rejects.toMatchObject({
            code: stop?.code,
            offset: stop?.offset,
          });
        },
      ),
    );
  });
}
