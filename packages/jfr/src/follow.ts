// SPDX-License-Identifier: Apache-2.0
// Follows recordings while they are written: a file, or a repository directory as the JDK keeps it
// (one file per chunk, ordered by start time).
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type FileSource, openFileSource } from '@rekindle/bytes/node';
import { Chunk } from './chunk.ts';
import type { KnownMetadata } from './chunk-metadata.ts';
import type { DecodeMode } from './decode-columns.ts';
import { JfrError } from './error.ts';
import {
  type ChunkHeader,
  decodeHeader,
  FLAG_FINAL,
  HEADER_SIZE,
  STATE_FINISHED,
} from './header.ts';
import { readLiveHeader } from './live-header.ts';

export interface FollowOptions {
  /** Ends the following; the generator returns. */
  readonly signal?: AbortSignal;
  /** Milliseconds between looks at the file; 200 when left out (the JDK looks once a second). */
  readonly pollMillis?: number;
  /** Chunks that ended before this moment are left out; nanoseconds since 1970. */
  readonly from?: bigint;
  readonly decode?: DecodeMode;
  /**
   * What ends it: `finished`, the end of a file whose last chunk is finished, or `final`, only a chunk
   * marked as the last of its stream. A file is followed to `finished`, a repository to `final`.
   */
  readonly until?: 'finished' | 'final';
}

/** As long as the JDK waits for a header that stays locked (1000 times a millisecond). */
const LOCKED_MILLIS = 1000;

/**
 * Follows one file. Each part is what one flush, or several, added to a chunk: its events are only the
 * new ones, its constants all those of the chunk so far. The order within a part is that of the file.
 */
export async function* followRecording(
  path: string,
  options: FollowOptions = {},
): AsyncGenerator<Chunk> {
  const source = openFileSource(path);
  try {
    const state: FollowState = { index: 0, known: undefined };
    let offset = 0;
    for (;;) {
      const header = yield* followChunk(source, offset, state, options);
      if (header === undefined) return;
      offset += header.size;
      // a file joined from several recordings has final chunks in its midst
      const isFinal = (header.flags & FLAG_FINAL) !== 0;
      if (options.until === 'final' ? isFinal : source.refresh() <= offset) return;
    }
  } finally {
    source.close();
  }
}

/**
 * Follows a repository: a directory of chunk files, or one that holds such directories (the newest
 * counts). Begins with the oldest chunk that `from` does not leave out, where the JDK's
 * `EventStream.openRepository` begins now.
 */
export async function* followRepository(
  directory: string,
  options: FollowOptions = {},
): AsyncGenerator<Chunk> {
  const state: FollowState = { index: 0, known: undefined };
  let after: bigint | undefined;
  for (;;) {
    const next = nextFile(directory, after, options.from);
    if (next === undefined) {
      if (!(await pause(options))) return;
      continue;
    }
    after = next.header.startNanos;
    let source: FileSource;
    try {
      source = openFileSource(next.path);
    } catch (error) {
      if (isMissing(error)) continue; // the writer has dropped it meanwhile
      throw error;
    }
    try {
      const header = yield* followChunk(source, 0, state, options);
      if (header === undefined || (header.flags & FLAG_FINAL) !== 0) return;
    } finally {
      source.close();
    }
    if (options.until === 'finished' && nextFile(directory, after, undefined) === undefined) return;
  }
}

interface FollowState {
  /** Of the next chunk. */
  index: number;
  known: KnownMetadata | undefined;
}

/** Follows a chunk to its end; returns its last header, or undefined when the signal ended it. */
async function* followChunk(
  source: FileSource,
  offset: number,
  state: FollowState,
  options: FollowOptions,
): AsyncGenerator<Chunk, ChunkHeader | undefined> {
  const index = state.index++;
  const earlier: number[] = [];
  let buffer = new Uint8Array(0);
  let start = HEADER_SIZE;
  let generation = -1;
  let lockedSince: number | undefined;
  for (;;) {
    if (options.signal?.aborted) return undefined;
    const header = readLiveHeader(source, offset);
    if (header === undefined) {
      const locked = source.byteLength >= offset + HEADER_SIZE;
      lockedSince = locked ? (lockedSince ?? Date.now()) : undefined;
      if (lockedSince !== undefined && Date.now() - lockedSince > LOCKED_MILLIS) {
        throw new JfrError(
          'JFR_CHUNK_LOCKED',
          'the header stayed in the middle of an update: its writer is stuck or dead',
          { chunk: index, offset },
          'open the file with { mode: "salvage" } to read what is there',
        );
      }
      if (!(await pause(options, locked ? 1 : undefined))) return undefined;
      continue;
    }
    lockedSince = undefined;
    if (header.state !== generation && header.metadataPosition !== 0 && header.size > start) {
      generation = header.state;
      buffer = grow(buffer, start, header.size);
      const from = start === HEADER_SIZE ? 0 : start;
      buffer.set(source.slice(offset + from, offset + header.size), from);
      const part = new Chunk(header, buffer.subarray(0, header.size), {
        index,
        offset,
        salvage: false,
        decode: options.decode ?? 'auto',
        known: state.known,
        start,
        earlier: [...earlier],
      });
      earlier.push(...(part.eventIndex.get(1)?.offsets ?? []));
      state.known = part.metadata;
      start = header.size;
      yield part;
    }
    if (header.state === STATE_FINISHED) return header;
    if (!(await pause(options))) return undefined;
  }
}

/** Room for `size` bytes, the first `filled` of them kept. Parts handed out keep the bytes they have. */
function grow(buffer: Uint8Array, filled: number, size: number): Uint8Array<ArrayBuffer> {
  if (size <= buffer.length) return buffer as Uint8Array<ArrayBuffer>;
  const grown = new Uint8Array(Math.max(size, buffer.length * 2, 1 << 20));
  grown.set(buffer.subarray(0, filled));
  return grown;
}

interface ChunkFile {
  readonly path: string;
  readonly header: ChunkHeader;
}

/** The file whose chunk starts next after a moment. */
function nextFile(
  directory: string,
  after: bigint | undefined,
  from: bigint | undefined,
): ChunkFile | undefined {
  let next: ChunkFile | undefined;
  for (const path of chunkFiles(directory)) {
    const header = peek(path);
    if (header === undefined) continue;
    if (after !== undefined && header.startNanos <= after) continue;
    const ended = header.state === STATE_FINISHED;
    if (ended && from !== undefined && header.startNanos + header.durationNanos < from) continue;
    if (next === undefined || header.startNanos < next.header.startNanos) next = { path, header };
  }
  return next;
}

function chunkFiles(directory: string): string[] {
  const entries = readdirSync(directory, { withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.jfr'));
  if (files.length > 0) return files.map(({ name }) => join(directory, name));
  // a base directory: <yyyy_MM_dd_HH_mm_ss>_<pid>, so the last name is the newest
  const newest = entries
    .filter((entry) => entry.isDirectory() && /^\d{4}(_\d\d){5}_\d+$/.test(entry.name))
    .map(({ name }) => name)
    .sort()
    .at(-1);
  return newest === undefined ? [] : chunkFiles(join(directory, newest));
}

/** The header of a chunk file; undefined where there is none yet. */
function peek(path: string): ChunkHeader | undefined {
  let source: FileSource | undefined;
  try {
    source = openFileSource(path);
    if (source.byteLength < HEADER_SIZE) return undefined;
    const header = decodeHeader(source.slice(0, HEADER_SIZE));
    return header.startNanos === 0n ? undefined : header;
  } catch (error) {
    if (error instanceof JfrError || isMissing(error)) return undefined;
    throw error;
  } finally {
    source?.close();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** Waits; false when the signal came. */
async function pause({ signal, pollMillis }: FollowOptions, millis?: number): Promise<boolean> {
  if (signal?.aborted) return false;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, millis ?? pollMillis ?? 200);
    signal?.addEventListener('abort', done, { once: true });
  });
  return signal?.aborted !== true;
}
