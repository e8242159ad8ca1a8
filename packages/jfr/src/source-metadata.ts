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
export function sourceMetadata(
  source: ByteSource,
  place: ChunkPlace,
  known: KnownMetadata | undefined,
): Promise<KnownMetadata> {
  return withEvent(source, place, (event, start) => {
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
  });
}

/** Names of event types by id, with the bytes they came from. */
export interface KnownNames {
  readonly content: Uint8Array;
  readonly names: ReadonlyMap<number, string>;
}

/** Reads the names of the event types, or takes over `known` when the metadata is the same. Strict. */
export function sourceEventNames(
  source: ByteSource,
  place: ChunkPlace,
  known: KnownNames | undefined,
): Promise<KnownNames> {
  return withEvent(source, place, (event, start) => {
    const content = metadataContent(event, 0);
    const at = { chunk: place.index, offset: start };
    if (content === undefined) throw new JfrError('JFR_BAD_METADATA', 'no metadata event', at);
    if (known !== undefined && equalBytes(known.content, content)) return known;
    return { content: content.slice(), names: readEventNames(content, at) };
  });
}

/** What the last metadata event was read into; larger ones have their own. */
let idle: Uint8Array | undefined;
const KEEP_BYTES: number = 1 << 20;

/**
 * Reads the metadata event the header points at, and tells where it is; it is empty where that is
 * outside. It lies in memory that the next one takes: whoever keeps of it, copies.
 */
async function withEvent<T>(
  source: ByteSource,
  { index, offset, bytes: size, header }: ChunkPlace,
  use: (event: Uint8Array, start: number) => T,
): Promise<T> {
  const at = header.metadataPosition;
  if (!(at >= HEADER_SIZE && at < size)) return use(new Uint8Array(0), offset);
  const start = offset + at;
  const head = await source.slice(start, Math.min(start + 9, offset + size));
  const length = Math.min(sizeOf(head, index, start), size - at);
  if (source.read === undefined || length > KEEP_BYTES) {
    return use(await source.slice(start, start + length), start);
  }
  const room = idle !== undefined && idle.length >= length ? idle : new Uint8Array(length);
  idle = undefined;
  const event = room.subarray(0, length);
  await source.read(start, event);
  try {
    return use(event, start);
  } finally {
    idle = room;
  }
}

function sizeOf(head: Uint8Array, chunk: number, offset: number): number {
  try {
    return new ByteCursor(head).varint();
  } catch (error) {
    if (!(error instanceof ByteError)) throw error;
    throw new JfrError('JFR_BAD_METADATA', 'metadata event without a size', { chunk, offset });
  }
}
