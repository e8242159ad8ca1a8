// SPDX-License-Identifier: Apache-2.0
// A recording: one chunk after the other, each readable alone. Only one chunk at a time needs to be in
// memory.
import { type ByteSource, bufferSource } from '@rekindle/bytes';
import { Chunk, type DecodeMode, type EventFilter, type KnownMetadata } from './chunk.ts';
import type { Columns } from './column.ts';
import { JfrError } from './error.ts';
import type { JfrEvent } from './event.ts';
import {
  type ChunkHeader,
  decodeHeader,
  FLAG_COMPRESSED,
  HEADER_SIZE,
  STATE_UPDATING,
} from './header.ts';
import { joinColumns } from './join-columns.ts';
import type { Loss } from './loss.ts';
import { Summary } from './summary.ts';

export interface ReadOptions {
  /** `strict` (the default) throws at the first damage; `salvage` reads what is whole. */
  readonly mode?: 'strict' | 'salvage';
  /** `auto` (the default) compiles decoders where the environment allows it. */
  readonly decode?: DecodeMode;
}

/** Where a chunk is. */
export interface ChunkPlace {
  readonly index: number;
  /** Byte offset in the source. */
  readonly offset: number;
  /** Bytes to read: the chunk's size, or what is left of it. */
  readonly bytes: number;
  readonly header: ChunkHeader;
}

/** The most one ArrayBuffer holds in Node.js 20. */
const MAX_CHUNK = 2 ** 32;

export class Recording {
  /** The chunks in file order. */
  readonly places: readonly ChunkPlace[];
  readonly #source: ByteSource;
  readonly #options: ReadOptions;
  readonly #headLosses: readonly Loss[];
  readonly #losses: Map<number, readonly Loss[]> = new Map();
  #known: KnownMetadata | undefined;

  constructor(
    source: ByteSource,
    places: readonly ChunkPlace[],
    losses: readonly Loss[],
    options: ReadOptions,
  ) {
    this.#source = source;
    this.places = places;
    this.#headLosses = losses;
    this.#options = options;
  }

  /** Nanoseconds since 1970 of the earliest chunk; the zero of the times in {@link columns}. */
  get startNanos(): bigint {
    let first: bigint | undefined;
    for (const { header } of this.places) {
      if (first === undefined || header.startNanos < first) first = header.startNanos;
    }
    return first ?? 0n;
  }

  /** From the start of the earliest chunk to the end of the last. */
  get durationNanos(): bigint {
    let end = this.startNanos;
    for (const { header } of this.places) {
      const last = header.startNanos + header.durationNanos;
      if (last > end) end = last;
    }
    return end - this.startNanos;
  }

  /** What could not be read so far, in salvage mode; it grows as chunks are read. */
  get losses(): readonly Loss[] {
    return [...this.#headLosses, ...[...this.#losses.values()].flat()];
  }

  /** Reads one chunk into memory. It stays there for as long as it, or its columns, are used. */
  async chunk(index: number): Promise<Chunk> {
    const place = this.places[index];
    if (place === undefined) {
      throw new JfrError('JFR_UNKNOWN_NAME', `no chunk ${index} of ${this.places.length}`);
    }
    if (place.bytes >= MAX_CHUNK) {
      throw new JfrError(
        'JFR_CHUNK_TOO_LARGE',
        `a chunk of ${place.bytes} bytes`,
        { chunk: index, offset: place.offset },
        'record with a smaller maxchunksize; chunks below 4 GiB are read',
      );
    }
    const bytes = await this.#source.slice(place.offset, place.offset + place.bytes);
    const chunk = new Chunk(place.header, bytes, {
      index,
      offset: place.offset,
      salvage: this.#options.mode === 'salvage',
      decode: this.#options.decode ?? 'auto',
      known: this.#known,
      fallback: this.#known?.layouts.types,
    });
    this.#known = chunk.metadataIfWhole ?? this.#known;
    this.#losses.set(index, chunk.losses);
    return chunk;
  }

  /** The chunks one after the other; memory holds those the caller keeps. */
  async *chunks(): AsyncGenerator<Chunk> {
    for (const { index } of this.places) yield await this.chunk(index);
  }

  /** Events as objects, chunk by chunk, in file order. */
  async *events(filter?: EventFilter): AsyncGenerator<JfrEvent> {
    for await (const chunk of this.chunks()) yield* chunk.events(filter);
  }

  /**
   * Fields of all events of a type in all chunks. Unlike in a chunk's columns, times are nanoseconds:
   * timestamps since {@link startNanos}, timespans as spans. See {@link Chunk.columns} for the rest.
   */
  async columns(
    eventName: string,
    fields?: readonly string[],
    filter?: EventFilter,
  ): Promise<Columns> {
    const parts: { chunk: Chunk; columns: Columns }[] = [];
    for await (const chunk of this.chunks()) {
      const columns = chunk.columns(eventName, fields, filter);
      if (columns.all.length > 0) parts.push({ chunk, columns });
    }
    return joinColumns(eventName, parts, this.startNanos);
  }

  /** Counts and sizes by event type. */
  async summary(): Promise<Summary> {
    const summary = new Summary(this);
    for await (const chunk of this.chunks()) summary.add(chunk);
    return summary;
  }
}

/** Opens a recording: finds its chunks by their headers. Reads 68 bytes per chunk. */
export async function openRecording(
  source: ByteSource | Uint8Array,
  options: ReadOptions = {},
): Promise<Recording> {
  const bytes = source instanceof Uint8Array ? bufferSource(source) : source;
  const places: ChunkPlace[] = [];
  const losses: Loss[] = [];
  let offset = 0;
  // an empty file is no recording
  while (offset < bytes.byteLength || places.length === 0) {
    const index = places.length;
    const left = bytes.byteLength - offset;
    try {
      const header = await readHeader(bytes, index, offset);
      const whole = header.size <= left;
      if (!whole) {
        throwOrNote(
          options,
          losses,
          truncated(header.size, left, index, offset),
          header.size - left,
        );
      }
      places.push({ index, offset, bytes: Math.min(header.size, left), header });
      offset += header.size;
    } catch (error) {
      if (!(error instanceof JfrError) || options.mode !== 'salvage') throw error;
      losses.push({
        code: error.code,
        chunk: index,
        offset,
        bytes: left,
        what: 'chunk',
        reason: error.reason,
      });
      break;
    }
  }
  return new Recording(bytes, places, losses, options);
}

function truncated(size: number, left: number, chunk: number, offset: number): JfrError {
  return new JfrError(
    'JFR_TRUNCATED',
    `the chunk says ${size} bytes, ${left} are left`,
    { chunk, offset },
    'open with { mode: "salvage" } to read what is whole',
  );
}

function throwOrNote(options: ReadOptions, losses: Loss[], error: JfrError, bytes: number): void {
  if (options.mode !== 'salvage') throw error;
  losses.push({
    code: error.code,
    chunk: error.chunk ?? 0,
    offset: error.offset ?? 0,
    bytes,
    what: 'chunk',
    reason: error.reason,
  });
}

async function readHeader(source: ByteSource, chunk: number, offset: number): Promise<ChunkHeader> {
  const end = Math.min(offset + HEADER_SIZE, source.byteLength);
  let header: ChunkHeader;
  try {
    header = decodeHeader(await source.slice(offset, end), 0, offset);
  } catch (error) {
    if (!(error instanceof JfrError)) throw error;
    throw new JfrError(error.code, error.reason, { chunk, offset: error.offset }, error.hint);
  }
  const place = { chunk, offset };
  if (header.size < HEADER_SIZE) {
    throw new JfrError('JFR_CORRUPT', `chunk size ${header.size}`, place);
  }
  if ((header.flags & FLAG_COMPRESSED) === 0 && header.state !== STATE_UPDATING) {
    throw new JfrError('JFR_UNSUPPORTED_INTEGERS', 'raw (uncompressed) integers', place);
  }
  return header;
}
