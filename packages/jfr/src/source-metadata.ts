// SPDX-License-Identifier: Apache-2.0
// The metadata of a chunk that is not in memory, or only the names in it.
import { ByteCursor, ByteError, type ByteSource } from '@rekindle/bytes';
import { chunkMetadata, equalBytes, type KnownMetadata } from './chunk-metadata.ts';
import { JfrError } from './error.ts';
import { readEventNames } from './event-names.ts';
import type { ChunkPlace } from './find-chunks.ts';
import { HEADER_SIZE } from './header.ts';
import { Damage } from './loss.ts';
import { metadataContent } from './metadata.ts';

/** Reads the metadata the header points at, or takes over `known` when it is the same. Strict. */
export async function sourceMetadata(
  source: ByteSource,
  place: ChunkPlace,
  known: KnownMetadata | undefined,
): Promise<KnownMetadata> {
  const { start, event } = await readEvent(source, place);
  const inside = event.length > 0;
  // the event alone, where the chunk has it: offsets in errors are right, and nothing else is read
  return chunkMetadata({
    bytes: event,
    position: inside ? 0 : place.header.metadataPosition,
    inside,
    others: () => [],
    known,
    place: { chunk: place.index, base: start },
    damage: new Damage(false, place.index, (within) => start + within),
  });
}

/** Names of event types by id, with the bytes they came from. */
export interface KnownNames {
  readonly content: Uint8Array;
  readonly names: ReadonlyMap<number, string>;
}

/** Reads the names of the event types, or takes over `known` when the metadata is the same. Strict. */
export async function sourceEventNames(
  source: ByteSource,
  place: ChunkPlace,
  known: KnownNames | undefined,
): Promise<KnownNames> {
  const { start, event } = await readEvent(source, place);
  const content = metadataContent(event, 0);
  const at = { chunk: place.index, offset: start };
  if (content === undefined) throw new JfrError('JFR_BAD_METADATA', 'no metadata event', at);
  if (known !== undefined && equalBytes(known.content, content)) return known;
  return { content, names: readEventNames(content, at) };
}

/** The metadata event the header points at, and where it is; empty where it points outside. */
async function readEvent(
  source: ByteSource,
  { index, offset, bytes: size, header }: ChunkPlace,
): Promise<{ start: number; event: Uint8Array }> {
  const at = header.metadataPosition;
  if (!(at >= HEADER_SIZE && at < size)) return { start: offset, event: new Uint8Array(0) };
  const start = offset + at;
  const head = await source.slice(start, Math.min(start + 9, offset + size));
  const length = Math.min(sizeOf(head, index, start), size - at);
  return { start, event: await source.slice(start, start + length) };
}

function sizeOf(head: Uint8Array, chunk: number, offset: number): number {
  try {
    return new ByteCursor(head).varint();
  } catch (error) {
    if (!(error instanceof ByteError)) throw error;
    throw new JfrError('JFR_BAD_METADATA', 'metadata event without a size', { chunk, offset });
  }
}
