// SPDX-License-Identifier: Apache-2.0
// The header of a chunk while it is written. The writer sets the state byte to 255, rewrites the fields,
// and sets the state to the next generation: what is read between two equal states is whole.
// Source: jdk.jfr.internal.consumer.ChunkHeader.refresh, jfrChunkWriter.cpp.
import {
  type ChunkHeader,
  decodeHeader,
  HEADER_SIZE,
  STATE_OFFSET,
  STATE_UPDATING,
} from './header.ts';

/** Random access to a file that grows. */
export interface GrowingSource {
  readonly byteLength: number;
  slice(start: number, end: number): Uint8Array;
  /** Looks how long the file is now. */
  refresh(): number;
}

/**
 * Reads the header at `offset`; undefined while there is none, or none that is whole: ask again. Throws
 * {@link JfrError} where the bytes are no header.
 */
export function readLiveHeader(source: GrowingSource, offset: number): ChunkHeader | undefined {
  if (source.refresh() < offset + HEADER_SIZE) return undefined;
  const state = (): number => {
    const at = offset + STATE_OFFSET;
    return source.slice(at, at + 1)[0]!;
  };
  const before = state();
  if (before === STATE_UPDATING) return undefined;
  const header = decodeHeader(source.slice(offset, offset + HEADER_SIZE), 0, offset);
  if (header.state !== before || state() !== before) return undefined;
  return source.refresh() < offset + header.size ? undefined : header;
}
