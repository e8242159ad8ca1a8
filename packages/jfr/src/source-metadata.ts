// SPDX-License-Identifier: Apache-2.0
// The metadata of a chunk that is not in memory.
import { ByteCursor, ByteError, type ByteSource } from '@rekindle/bytes';
import { chunkMetadata, type KnownMetadata } from './chunk-metadata.ts';
import { JfrError } from './error.ts';
import type { ChunkPlace } from './find-chunks.ts';
import { HEADER_SIZE } from './header.ts';
import { Damage } from './loss.ts';

/** Reads the metadata the header points at, or takes over `known` when it is the same. Strict. */
export async function sourceMetadata(
  source: ByteSource,
  { index, offset, bytes: size, header }: ChunkPlace,
  known: KnownMetadata | undefined,
): Promise<KnownMetadata> {
  const at = header.metadataPosition;
  const inside = at >= HEADER_SIZE && at < size;
  const start = offset + (inside ? at : 0);
  const head = await source.slice(start, Math.min(start + 9, offset + size));
  const length = inside ? Math.min(sizeOf(head, index, start), size - at) : 0;
  const event = await source.slice(start, start + length);
  // the event alone, where the chunk has it: offsets in errors are right, and nothing else is read
  return chunkMetadata({
    bytes: event,
    position: inside ? 0 : at,
    inside,
    others: () => [],
    known,
    place: { chunk: index, base: start },
    damage: new Damage(false, index, (within) => start + within),
  });
}

function sizeOf(head: Uint8Array, chunk: number, offset: number): number {
  try {
    return new ByteCursor(head).varint();
  } catch (error) {
    if (!(error instanceof ByteError)) throw error;
    throw new JfrError('JFR_BAD_METADATA', 'metadata event without a size', { chunk, offset });
  }
}
