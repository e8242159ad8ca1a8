// SPDX-License-Identifier: Apache-2.0
// The types of a chunk: its own, or - as mostly - those of the chunk before it, byte for byte.
import { JfrError } from './error.ts';
import { HEADER_SIZE } from './header.ts';
import type { Damage } from './loss.ts';
import { metadataContent, readMetadata } from './metadata.ts';
import { Layouts } from './plan.ts';
import { TypeModel } from './type-model.ts';

/** Parsed metadata together with the bytes it came from. */
export interface KnownMetadata {
  /** Id, strings and elements of the metadata event. */
  readonly content: Uint8Array;
  readonly layouts: Layouts;
  /** It is not the chunk's own, which was lost. */
  readonly borrowed: boolean;
}

export interface MetadataRequest {
  readonly bytes: Uint8Array;
  /** From the header; where the bytes are no whole chunk, where they have it. */
  readonly position: number;
  /** The position was checked already. */
  readonly inside?: boolean;
  /** Offsets of the metadata events in the chunk, for the case that the position is wrong. */
  others(): ArrayLike<number>;
  /** Metadata of an earlier chunk. */
  readonly known: KnownMetadata | undefined;
  /** Where the chunk is: for errors. */
  readonly place: { readonly chunk: number; readonly base: number };
  readonly damage: Damage;
}

/**
 * Reads the metadata the header points at. When salvaging and there is none to read: the newest that is
 * in the chunk, else that of the chunk before, which of one process is mostly the same.
 */
export function chunkMetadata(request: MetadataRequest): KnownMetadata {
  const { bytes, position, known, damage } = request;
  try {
    if (request.inside === true) return metadataAt(request, position);
    if (position === 0) {
      throw damage.error('JFR_NO_METADATA', 'the chunk was never flushed: no metadata', 24);
    }
    if (position < HEADER_SIZE || position >= bytes.length) {
      throw damage.error('JFR_BAD_POINTER', `metadata at ${position}, outside the chunk`, 24);
    }
    return metadataAt(request, position);
  } catch (error) {
    if (!(error instanceof JfrError)) throw error;
    damage.report('metadata', error, position, 0);
  }
  for (const offset of Array.from(request.others()).reverse()) {
    try {
      return metadataAt(request, offset);
    } catch (error) {
      if (!(error instanceof JfrError)) throw error;
    }
  }
  if (known !== undefined) return { ...known, borrowed: true };
  const region = { locale: undefined, gmtOffset: undefined, dst: undefined };
  return {
    content: new Uint8Array(0),
    layouts: new Layouts(new TypeModel(0, [], region)),
    borrowed: true,
  };
}

function metadataAt({ bytes, known, place }: MetadataRequest, at: number): KnownMetadata {
  const content = metadataContent(bytes, at);
  if (known !== undefined && content !== undefined && equalBytes(known.content, content)) {
    return known.borrowed ? { ...known, borrowed: false } : known;
  }
  const types = readMetadata(bytes, at, bytes.length, place);
  // a copy: the bytes of the whole chunk are not to live as long as its types
  return {
    content: content?.slice() ?? new Uint8Array(0),
    layouts: new Layouts(types),
    borrowed: false,
  };
}

export function equalBytes(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  // every chunk's metadata passes here, mostly to be found equal: by Node.js, or four bytes at a time
  const { Buffer: node } = globalThis as {
    readonly Buffer?: { compare(one: Uint8Array, other: Uint8Array): number };
  };
  if (node !== undefined) return node.compare(one, other) === 0;
  const words = (bytes: Uint8Array): DataView =>
    new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const a = words(one);
  const b = words(other);
  let at = 0;
  for (; at + 4 <= one.length; at += 4) if (a.getInt32(at) !== b.getInt32(at)) return false;
  for (; at < one.length; at++) if (one[at] !== other[at]) return false;
  return true;
}
