// SPDX-License-Identifier: Apache-2.0
// Counts the events of a chunk by type, without keeping where they are.
import type { ByteSource } from '@rekindle/bytes';
import { JfrError } from './error.ts';
import type { ChunkPlace } from './find-chunks.ts';
import { HEADER_SIZE } from './header.ts';
import { scanSource } from './scan-source.ts';

export interface TypeCount {
  readonly typeId: number;
  readonly count: number;
  /** Sum of the sizes of the events. */
  readonly bytes: number;
}

/** Type ids below this are counted in an array. */
const SMALL = 16_384;

/** Strict: throws at an event that cannot be stepped over. */
export async function countEvents(source: ByteSource, place: ChunkPlace): Promise<TypeCount[]> {
  const counts = new Float64Array(SMALL);
  const sizes = new Float64Array(SMALL);
  const large = new Map<number, { count: number; bytes: number }>();
  const start = place.offset + HEADER_SIZE;
  const stop = await scanSource(source, start, place.offset + place.bytes, (_, batch) => {
    const { offsets, typeIds, count } = batch;
    for (let row = 0; row < count; row++) {
      const typeId = typeIds[row]!;
      const size = offsets[row + 1]! - offsets[row]!;
      if (typeId < SMALL) {
        counts[typeId]! += 1;
        sizes[typeId]! += size;
        continue;
      }
      const known = large.get(typeId);
      if (known === undefined) large.set(typeId, { count: 1, bytes: size });
      else {
        known.count++;
        known.bytes += size;
      }
    }
  });
  if (stop !== undefined) {
    throw new JfrError(stop.code, stop.reason, { chunk: place.index, offset: stop.offset });
  }
  const result: TypeCount[] = [];
  for (const [typeId, count] of counts.entries()) {
    if (count > 0) result.push({ typeId, count, bytes: sizes[typeId]! });
  }
  for (const [typeId, { count, bytes }] of large) result.push({ typeId, count, bytes });
  return result;
}
