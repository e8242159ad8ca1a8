// SPDX-License-Identifier: Apache-2.0
import { type ByteSource, bufferSource } from '@rekindle/bytes';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { countEvents } from './count-events.ts';
import { EventIndex } from './event-index.ts';
import { findChunks } from './find-chunks.ts';
import { HEADER_SIZE } from './header.ts';
import { siftChunk } from './sift-chunk.ts';
import { type Bytes, checkpoint, chunk, event, metadata, PRIMITIVES } from './testing/assemble.ts';

/** A source that is read into memory of the caller's, as a file is. */
function fileLike(bytes: Uint8Array): ByteSource {
  const { slice } = bufferSource(bytes);
  return {
    byteLength: bytes.length,
    slice,
    read: (start, target) => target.set(bytes.subarray(start, start + target.length)),
  };
}

const anEvent: fc.Arbitrary<Bytes> = fc
  .tuple(
    fc.constantFrom(2, 100, 127, 128, 16_383, 16_384, 2 ** 31, 2 ** 40),
    fc.oneof({ weight: 9, arbitrary: fc.nat(40) }, { weight: 1, arbitrary: fc.nat(700) }),
    fc.integer({ min: 1, max: 9 }),
  )
  .map(([typeId, length, width]) => event(typeId, new Array<number>(length).fill(7), width));

test('any window, down to the smallest, finds the events that are there', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anEvent, { maxLength: 60 }),
      fc.integer({ min: 18, max: 300 }),
      async (events, window) => {
        const types = metadata(PRIMITIVES);
        const bytes = chunk([
          ...events,
          types,
          checkpoint(new Map([[2, [{ key: 1, value: [1] }]]])),
        ]);
        const index = new EventIndex();
        expect(index.walk(bytes, HEADER_SIZE, bytes.length)).toBeUndefined();
        const source = fileLike(bytes);
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

        const sifted = await siftChunk(source, place!, new Set([100, 2 ** 31]), window);
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

test('damage is found at the same place through any window', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anEvent, { maxLength: 30 }),
      fc.constantFrom<Bytes>([0], [0, 0], [1], [127, 100], [255, 255, 255, 255, 255, 7], [128]),
      fc.integer({ min: 18, max: 300 }),
      async (events, rubbish, window) => {
        const bytes = chunk([...events, rubbish], { metadataPosition: 0, constantPoolPosition: 0 });
        const stop = new EventIndex().walk(bytes, HEADER_SIZE, bytes.length);
        const source = fileLike(bytes);
        const [place] = (await findChunks(source, false)).places;
        await expect(countEvents(source, place!, window)).rejects.toMatchObject({
          code: stop?.code,
          offset: stop?.offset,
        });
      },
    ),
  );
});
