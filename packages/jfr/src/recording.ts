// SPDX-License-Identifier: Apache-2.0
// A recording: one chunk after the other, each readable alone. Only one chunk at a time needs to be in
// memory.
import { type ByteSource, bufferSource } from '@rekindle/bytes';
import { Chunk } from './chunk.ts';
import type { KnownMetadata } from './chunk-metadata.ts';
import type { Columns } from './column.ts';
import { countEvents } from './count-events.ts';
import type { DecodeMode } from './decode-columns.ts';
import { JfrError } from './error.ts';
import type { JfrEvent } from './event.ts';
import { type ChunkPlace, findChunks } from './find-chunks.ts';
import { joinColumns } from './join-columns.ts';
import type { Loss } from './loss.ts';
import type { EventFilter } from './select-events.ts';
import { type SiftedBytes, siftChunk } from './sift-chunk.ts';
import { type KnownNames, sourceEventNames, sourceMetadata } from './source-metadata.ts';
import { Summary } from './summary.ts';

export type { ChunkPlace };

export interface ReadOptions {
  /** `strict` (the default) throws at the first damage; `salvage` reads what is whole. */
  readonly mode?: 'strict' | 'salvage';
  /** `auto` (the default) compiles decoders where the environment allows it. */
  readonly decode?: DecodeMode;
}

/** The most one ArrayBuffer holds in Node.js 20. */
const MAX_CHUNK = 2 ** 32;

export class Recording {
  /** The chunks in file order. */
  readonly places: readonly ChunkPlace[];
  readonly #source: ByteSource;
  readonly #options: ReadOptions;
  readonly #headLosses: readonly Loss[];
  /** Those of each chunk opened, which grow as more of it is read. */
  readonly #losses: (readonly Loss[])[] = [];
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
    const all = new Map<string, Loss>();
    for (const loss of [...this.#headLosses, ...this.#losses.flat()]) {
      const { chunk, code, what, offset } = loss;
      all.set(`${chunk} ${code} ${what} ${offset}`, loss);
    }
    return [...all.values()];
  }

  /**
   * Reads one chunk into memory. It stays there for as long as it, or its columns, are used. With
   * `types`, a chunk of a file comes with the events of these types only, and the rest is not kept.
   */
  async chunk(index: number, types?: readonly string[]): Promise<Chunk> {
    const sifted = types && (await this.#sift(index, types));
    if (sifted !== undefined) return sifted;
    const place = this.#place(index);
    const bytes = await this.#source.slice(place.offset, place.offset + place.bytes);
    return this.#open(place, bytes, undefined);
  }

  /**
   * The chunks one after the other; memory holds those the caller keeps. With `types`, chunks of a file
   * come with the events of these types only, and the rest is not kept.
   */
  async *chunks(types?: readonly string[]): AsyncGenerator<Chunk> {
    for (const { index } of this.places) {
      yield await this.chunk(index, types);
    }
  }

  /** Events as objects, chunk by chunk, in file order. */
  async *events(filter?: EventFilter): AsyncGenerator<JfrEvent> {
    for await (const chunk of this.chunks(filter?.types)) yield* chunk.events(filter);
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
    for await (const chunk of this.chunks([eventName])) {
      const columns = chunk.columns(eventName, fields, filter);
      if (columns.all.length > 0) parts.push({ chunk, columns });
    }
    return joinColumns(eventName, parts, this.startNanos);
  }

  /** Counts and sizes by event type. */
  async summary(): Promise<Summary> {
    const summary = new Summary(this);
    let known: KnownNames | undefined;
    for (const place of this.places) {
      const counted = await this.#strictly(place, () => countEvents(this.#source, place));
      known = await this.#strictly(place, () => sourceEventNames(this.#source, place, known));
      if (counted && known) summary.add(known.names, counted);
      else summary.addChunk(await this.chunk(place.index));
    }
    return summary;
  }

  #place(index: number): ChunkPlace {
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
    return place;
  }

  #open(place: ChunkPlace, bytes: Uint8Array, sifted: SiftedBytes | undefined): Chunk {
    const chunk = new Chunk(place.header, bytes, {
      index: place.index,
      offset: place.offset,
      salvage: this.#options.mode === 'salvage',
      decode: this.#options.decode ?? 'auto',
      known: this.#known,
      ...(sifted && { sifted }),
    });
    const metadata = chunk.metadataIfWhole;
    if (metadata?.borrowed === false) this.#known = metadata;
    if (chunk.salvages) this.#losses.push(chunk.losses);
    return chunk;
  }

  /** Part of a chunk; undefined where the whole is as cheap, or needed to salvage it. */
  async #sift(index: number, types: readonly string[]): Promise<Chunk | undefined> {
    if (this.#source.read === undefined) return undefined;
    const place = this.#place(index);
    const metadata = await this.#metadata(place);
    if (metadata === undefined) return undefined;
    const ids = new Set(types.flatMap((name) => metadata.layouts.types.event(name)?.id ?? []));
    const sifted = await this.#strictly(place, () => siftChunk(this.#source, place, ids));
    return sifted && this.#open(place, sifted.bytes, sifted);
  }

  async #metadata(place: ChunkPlace): Promise<KnownMetadata | undefined> {
    const metadata = await this.#strictly(place, () =>
      sourceMetadata(this.#source, place, this.#known),
    );
    this.#known = metadata ?? this.#known;
    return metadata;
  }

  /** The short way, which does not salvage: undefined when that has to be done. */
  async #strictly<T>(place: ChunkPlace, read: () => Promise<T>): Promise<T | undefined> {
    const salvage = this.#options.mode === 'salvage';
    if (salvage && place.bytes !== place.header.size) return undefined;
    try {
      return await read();
    } catch (error) {
      if (salvage && error instanceof JfrError) return undefined;
      throw error;
    }
  }
}

/** Opens a recording: finds its chunks by their headers. Reads 68 bytes per chunk. */
export async function openRecording(
  source: ByteSource | Uint8Array,
  options: ReadOptions = {},
): Promise<Recording> {
  const bytes = source instanceof Uint8Array ? bufferSource(source) : source;
  const { places, losses } = await findChunks(bytes, options.mode === 'salvage');
  return new Recording(bytes, places, losses, options);
}
