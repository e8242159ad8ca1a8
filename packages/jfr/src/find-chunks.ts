// SPDX-License-Identifier: Apache-2.0
// Finds the chunks of a recording by their headers, and - when salvaging - past what is damaged.
import type { ByteSource } from '@rekindle/bytes';
import { JfrError } from './error.ts';
import {
  type ChunkHeader,
  decodeHeader,
  FLAG_COMPRESSED,
  HEADER_SIZE,
  STATE_FINISHED,
} from './header.ts';
import type { Loss } from './loss.ts';

/** Where a chunk is. */
export interface ChunkPlace {
  readonly index: number;
  /** Byte offset in the source. */
  readonly offset: number;
  /** Bytes to read: the chunk's size, or what is left of it. */
  readonly bytes: number;
  readonly header: ChunkHeader;
}

export interface ChunkPlaces {
  readonly places: readonly ChunkPlace[];
  readonly losses: readonly Loss[];
}

/** Bytes read at a time when looking for the next chunk. */
const WINDOW = 1 << 20;
/** How every chunk begins: "FLR\\0", major version 1 or 2 in two bytes. */
const START: readonly number[] = [0x46, 0x4c, 0x52, 0x00, 0x00];

/**
 * The chunks of a source in file order. Strict: every chunk is finished, whole, and followed by another
 * or by the end. Salvage: a chunk that is not ends where the next one begins, or the source.
 */
export async function findChunks(source: ByteSource, salvage: boolean): Promise<ChunkPlaces> {
  const places: ChunkPlace[] = [];
  const losses: Loss[] = [];
  let offset = 0;
  // an empty file is no recording
  while (offset < source.byteLength || (places.length === 0 && losses.length === 0)) {
    const index = places.length;
    const left = source.byteLength - offset;
    let header: ChunkHeader | undefined;
    let wrong: JfrError | undefined;
    try {
      header = await readHeader(source, index, offset);
      wrong = judge(header, index, offset, left);
    } catch (error) {
      if (!(error instanceof JfrError)) throw error;
      wrong = error;
    }
    if (wrong === undefined && header !== undefined) {
      places.push({ index, offset, bytes: header.size, header });
      offset += header.size;
      continue;
    }
    if (!salvage || wrong === undefined) throw wrong;
    const next = await nextChunk(source, offset, header);
    const bytes = next - offset;
    const { code, reason } = wrong;
    if (header === undefined) {
      losses.push({ code, chunk: index, offset, bytes, what: 'chunk', reason });
    } else {
      const missing = Math.max(0, header.size - bytes);
      losses.push({ code, chunk: index, offset, bytes: missing, what: 'chunk', reason });
      places.push({ index, offset, bytes, header });
    }
    offset = next;
  }
  return { places, losses };
}

/** Reads and checks the header of a chunk. */
export async function readHeader(
  source: ByteSource,
  chunk: number,
  offset: number,
): Promise<ChunkHeader> {
  const end = Math.min(offset + HEADER_SIZE, source.byteLength);
  let header: ChunkHeader;
  try {
    header = decodeHeader(await source.slice(offset, end), 0, offset);
  } catch (error) {
    if (!(error instanceof JfrError)) throw error;
    throw new JfrError(error.code, error.reason, { chunk, offset: error.offset }, error.hint);
  }
  if (header.state === STATE_FINISHED && (header.flags & FLAG_COMPRESSED) === 0) {
    throw new JfrError('JFR_UNSUPPORTED_INTEGERS', 'raw (uncompressed) integers', {
      chunk,
      offset: offset + 66,
    });
  }
  return header;
}

const SALVAGE = 'open with { mode: "salvage" } to read what is whole';

function judge(
  header: ChunkHeader,
  chunk: number,
  offset: number,
  left: number,
): JfrError | undefined {
  const place = { chunk, offset };
  if (header.state !== STATE_FINISHED) {
    return new JfrError(
      'JFR_UNFINISHED_CHUNK',
      `the chunk is still being written, or its writer died (state ${header.state})`,
      place,
      'follow it while it is written; open with { mode: "salvage" } to read what is there',
    );
  }
  if (header.size < HEADER_SIZE) {
    return new JfrError('JFR_CORRUPT', `chunk size ${header.size}`, place, SALVAGE);
  }
  if (header.size > left) {
    const reason = `the chunk says ${header.size} bytes, ${left} are left`;
    return new JfrError('JFR_TRUNCATED', reason, place, SALVAGE);
  }
  return undefined;
}

/**
 * Where the chunk after a damaged one begins, or the end of the source. Flush checkpoints hold copies of
 * their own chunk's header: those have its start time.
 */
async function nextChunk(
  source: ByteSource,
  offset: number,
  header: ChunkHeader | undefined,
): Promise<number> {
  const end = source.byteLength;
  // a window overlaps the next by a header, so that none is cut
  for (let at = offset + (header === undefined ? 1 : HEADER_SIZE); at < end; at += WINDOW) {
    const window = await source.slice(at, Math.min(at + WINDOW + HEADER_SIZE, end));
    for (let found = indexOfStart(window, 0); found >= 0; found = indexOfStart(window, found + 1)) {
      if (found >= WINDOW) break;
      const candidate = headerAt(window, found);
      if (candidate === undefined || candidate.startNanos === header?.startNanos) continue;
      return at + found;
    }
  }
  return end;
}

function indexOfStart(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(START[0]!, from); at >= 0; at = bytes.indexOf(START[0]!, at + 1)) {
    if (START.every((byte, index) => bytes[at + index] === byte)) return at;
  }
  return -1;
}

function headerAt(bytes: Uint8Array, at: number): ChunkHeader | undefined {
  if (bytes.length - at < HEADER_SIZE) return undefined;
  try {
    const header = decodeHeader(bytes, at);
    return header.size >= HEADER_SIZE && header.ticksPerSecond > 0n ? header : undefined;
  } catch (error) {
    if (error instanceof JfrError) return undefined;
    throw error;
  }
}

/** Nanoseconds since 1970 of the earliest chunk; 0 where there is none. */
export function earliestStart(places: readonly ChunkPlace[]): bigint {
  let first: bigint | undefined;
  for (const { header } of places) {
    if (first === undefined || header.startNanos < first) first = header.startNanos;
  }
  return first ?? 0n;
}
