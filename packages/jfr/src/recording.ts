// SPDX-License-Identifier: Apache-2.0
// A recording: one chunk after the other, each readable alone. Only one chunk at a time needs to be in
// memory.
import { type ByteSource, bufferSource } from '@rekindle/bytes';
import { Chunk, type ChunkOptions } from './chunk.ts';
import type { KnownMetadata } from './chunk-metadata.ts';
import type { Columns } from './column.ts';
import { countEvents } from './count-events.ts';
import type { DecodeMode } from './decode-columns.ts';
import { JfrError } from './error.ts';
import type { JfrEvent } from './event.ts';
import { EventIndex } from './event-index.ts';
import { type ChunkPlace, earliestStart, findChunks } from './find-chunks.ts';
import { HEADER_SIZE } from './header.ts';
import { joinColumns } from './join-columns.ts';
import type { Loss } from './loss.ts';
import type { EventFilter } from './select-events.ts';
import { type SiftedBytes, siftChunk } from './sift-chunk.ts';
import { type KnownNames, sourceEventNames, sourceMetadata } from './source-metadata.ts';
import { Summary } from './summary.ts';
import type { TypeModel } from './type-model.ts';

export type { ChunkPlace };

export interface ReadOptions {
  /** `strict` (the default) throws at the first damage; `salvage` reads what is whole. */
  readonly mode?: 'strict' | 'salvage';
  /** `auto` (the default) compiles decoders where the environment allows it. */
  readonly decode?: DecodeMode;
}

export interface ChunksOptions {
  /**
   * As `EventStream.setReuse` of the JDK: a chunk and its columns are good until the next chunk is asked
   * for, which may take their memory, or the loop is left. Reading from the chunk, or a text from its columns, throws
   * JFR_RELEASED then, and the arrays of its columns are empty; texts and objects read before stay.
   * Saves the time that making, and collecting, memory for every chunk takes.
   */
  readonly reuse?: boolean;
}

/** What the columns of a part take is some times this. */
const PART_BYTES: number = 2 ** 24;

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
    return earliestStart(this.places);
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
    if (place.bytes >= MAX_CHUNK) {
      throw new JfrError(
        'JFR_CHUNK_TOO_LARGE',
        `a chunk of ${place.bytes} bytes`,
        { chunk: index, offset: place.offset },
        'read it in parts, or by event types; or record with a smaller maxchunksize',
      );
    }
    const bytes = await this.#source.slice(place.offset, place.offset + place.bytes);
    return this.#open(place, bytes, undefined);
  }

  /**
   * The chunks one after the other; memory holds those the caller keeps. With `types`, chunks of a file
   * come with the events of these types only, and the rest is not kept.
   */
  async *chunks(types?: readonly string[], options: ChunksOptions = {}): AsyncGenerator<Chunk> {
    for (const { index } of this.places) {
      const sifted = types && (await this.#sift(index, types, options.reuse));
      try {
        yield sifted ?? (await this.chunk(index));
      } finally {
        sifted?.release();
      }
    }
  }

  /**
   * Everything, in stretches of some megabytes: for those who pass through more than memory holds. Each
   * part has some of a chunk's events, and all of its types and constants. What is not a file, and a
   * chunk that has to be salvaged, comes whole.
   */
  async *parts(bytes: number = PART_BYTES): AsyncGenerator<Chunk> {
    for (const place of this.places) {
      const whole = place.bytes > 2 * bytes ? await this.#sift(place.index, []) : undefined;
      if (whole === undefined) yield await this.chunk(place.index);
      else yield* this.#partsOf(place, whole, bytes);
    }
  }

  async *#partsOf(place: ChunkPlace, whole: Chunk, bytes: number): AsyncGenerator<Chunk> {
    let position = HEADER_SIZE;
    let wanted = bytes;
    while (position < place.bytes) {
      const length = Math.min(wanted, place.bytes - position);
      const start = place.offset + position;
      const stretch = await this.#source.slice(start, start + length);
      const events = new EventIndex();
      const stop = events.walk(stretch, 0, length);
      const end = stop?.offset ?? length;
      if (end === 0 && stop !== undefined) {
        if (length === place.bytes - position) {
          throw new JfrError(stop.code, stop.reason, { chunk: place.index, offset: start });
        }
        wanted = Math.max(2 * wanted, stop.size); // one event is longer than the stretch
        continue;
      }
      wanted = bytes;
      const part = { whole, position, events };
      yield this.#make(place, stretch.subarray(0, end), { part });
      position += end;
    }
  }

  /** The classes that a chunk declares. Its events are not read, unless it has to be salvaged. */
  async types(index: number): Promise<TypeModel> {
    const metadata = await this.#metadata(this.#place(index));
    return metadata?.layouts.types ?? (await this.chunk(index)).types;
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
    return place;
  }

  #open(place: ChunkPlace, bytes: Uint8Array, sifted: SiftedBytes | undefined): Chunk {
    const chunk = this.#make(place, bytes, sifted && { sifted });
    const metadata = chunk.metadataIfWhole;
    if (metadata?.borrowed === false) this.#known = metadata;
    return chunk;
  }

  #make(
    { index, offset, header }: ChunkPlace,
    bytes: Uint8Array,
    more: Pick<ChunkOptions, 'sifted' | 'part'> | undefined,
  ): Chunk {
    const chunk = new Chunk(header, bytes, {
      index,
      offset,
      salvage: this.#options.mode === 'salvage',
      decode: this.#options.decode ?? 'auto',
      known: this.#known,
      ...more,
    });
    if (chunk.salvages) this.#losses.push(chunk.losses);
    return chunk;
  }

  /** Part of a chunk; undefined where the whole is as cheap, or needed to salvage it. */
  async #sift(index: number, types: readonly string[], reuse = false): Promise<Chunk | undefined> {
    if (this.#source.read === undefined) return undefined;
    const place = this.#place(index);
    const metadata = await this.#metadata(place);
    if (metadata === undefined) return undefined;
    const ids = new Set(types.flatMap((name) => metadata.layouts.types.event(name)?.id ?? []));
    const sifted = await this.#strictly(place, () =>
      siftChunk(this.#source, place, ids, { reuse }),
    );
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
