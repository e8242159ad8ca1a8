// SPDX-License-Identifier: Apache-2.0
// One chunk in memory: types, events and constants, each found when first asked for.
import { chunkMetadata, type KnownMetadata } from './chunk-metadata.ts';
import { ChunkPools } from './chunk-pools.ts';
import { ChunkValues } from './chunk-values.ts';
import type { Columns } from './column.ts';
import type { DecodeMode } from './decode-columns.ts';
import type { Elements } from './elements.ts';
import { JfrError } from './error.ts';
import type { JfrEvent } from './event.ts';
import type { EventIndex } from './event-index.ts';
import { type ChunkHeader, HEADER_SIZE } from './header.ts';
import { held } from './held.ts';
import { locateEvents } from './locate-events.ts';
import { Damage, type Loss } from './loss.ts';
import type { Pool } from './pool.ts';
import type { EventFilter } from './select-events.ts';
import type { SiftedBytes } from './sift-chunk.ts';
import type { ClassType, Field, TypeModel } from './type-model.ts';
import type { Struct, Value } from './value.ts';

export interface ChunkOptions {
  /** Index of the chunk in the recording. */
  readonly index: number;
  /** Offset of the chunk in the source. */
  readonly offset: number;
  /** Throw on damage, or report it in `losses` and go on. */
  readonly salvage: boolean;
  readonly decode: DecodeMode;
  /**
   * Metadata of an earlier chunk: taken over when this chunk's is the same, byte for byte, and when
   * salvaging a chunk that has none.
   */
  readonly known?: KnownMetadata | undefined;
  /** Where the events begin; later than the header for the next part of a chunk that is followed. */
  readonly start?: number;
  /** Checkpoints before `start`, whose constants count as well. */
  readonly earlier?: readonly number[];
  /** The bytes are not the whole chunk but what was taken from it. */
  readonly sifted?: SiftedBytes;
  /** The bytes are events alone, a stretch of a chunk whose types and constants another one has. */
  readonly part?: ChunkPart;
}

export interface ChunkPart {
  /** Has the types and the constants. */
  readonly whole: Chunk;
  /** Where in the chunk the bytes begin. */
  readonly position: number;
  readonly events: EventIndex;
}

/** A chunk of a recording. Its methods are synchronous: all its bytes are here. */
export class Chunk {
  /** Index in the recording, from 0. */
  readonly index: number;
  /** Byte offset in the source. */
  readonly offset: number;
  readonly header: ChunkHeader;
  readonly #bytes: Uint8Array;
  readonly #options: ChunkOptions;
  readonly #damage: Damage;
  #metadata: KnownMetadata | undefined;
  #events: EventIndex | undefined;
  #pools: ChunkPools | undefined;
  readonly #values: ChunkValues;

  constructor(header: ChunkHeader, bytes: Uint8Array, options: ChunkOptions) {
    this.index = options.index;
    this.offset = options.offset;
    this.header = header;
    this.#bytes = bytes;
    this.#options = options;
    const { index, offset, salvage, sifted, part } = options;
    const origin = (at: number): number => sifted?.origin(at) ?? at + (part?.position ?? 0);
    this.#damage = new Damage(salvage, index, (at) => offset + origin(at));
    if (part !== undefined) {
      this.#events = part.events;
      this.#metadata = part.whole.metadata;
      this.#pools = part.whole.#open();
    }
    this.#values = new ChunkValues(this, {
      pools: () => this.#open(),
      mode: options.decode,
      damage: this.#damage,
      metadataPosition: this.#metadataPosition,
      arena: sifted?.arena,
    });
  }

  /** The bytes of the chunk, header included: all of it, what was left of it, or what was asked for. */
  get bytes(): Uint8Array {
    return held(this.#bytes);
  }

  /** Ends the use of a chunk that came with `reuse`; does nothing to others. */
  release(): void {
    this.#options.sifted?.release?.();
  }

  /** Whether damage is taken note of in `losses`, or thrown. */
  get salvages(): boolean {
    return this.#damage.salvage;
  }

  /** What the bytes are where they are not the whole chunk. */
  get sifted(): SiftedBytes | undefined {
    return this.#options.sifted;
  }

  /** What could not be read so far (salvage only; it grows as more is asked for). */
  get losses(): readonly Loss[] {
    return this.#damage.losses;
  }

  /** Types, annotations, settings and region, as this chunk declares them. */
  get types(): TypeModel {
    return this.metadata.layouts.types;
  }

  /** The types with the bytes they came from: for the next chunk, which mostly declares the same. */
  get metadata(): KnownMetadata {
    if (this.#metadata === undefined) {
      this.#metadata = chunkMetadata({
        bytes: this.bytes,
        position: this.#metadataPosition,
        others: () => this.eventIndex.get(0)?.offsets ?? [],
        known: this.#options.known,
        place: { chunk: this.index, base: this.offset },
        damage: this.#damage,
      });
      if (this.#metadata.borrowed) this.#reportUndeclared(this.#metadata.layouts.types);
    }
    return this.#metadata;
  }

  /** The metadata if it can be read; undefined where reading it would throw. */
  get metadataIfWhole(): KnownMetadata | undefined {
    try {
      return this.metadata;
    } catch (error) {
      if (error instanceof JfrError) return undefined;
      throw error;
    }
  }

  /** The event types this chunk declares, in file order; most have no events. */
  get eventTypes(): readonly ClassType[] {
    return this.types.events;
  }

  /** Where the events are, by type id. */
  get eventIndex(): EventIndex {
    this.#events ??= locateEvents(this.bytes, {
      start: this.#options.start ?? HEADER_SIZE,
      metadata: this.#metadataPosition,
      // the chain of a sifted chunk was checked where it was whole
      checkpoint: this.#options.sifted === undefined ? this.header.constantPoolPosition : 0,
      damage: this.#damage,
    });
    return this.#events;
  }

  /** Number of events of a type, by name. */
  count(eventName: string): number {
    const type = this.types.event(eventName);
    return type === undefined ? 0 : (this.eventIndex.get(type.id)?.count ?? 0);
  }

  /**
   * Number and bytes of events by type name; types of no events, and those the chunk does not declare,
   * left out. Metadata and checkpoints count as `jdk.Metadata` and `jdk.Checkpoint`.
   */
  counts(): Map<string, { readonly count: number; readonly bytes: number }> {
    const counts = new Map<string, { count: number; bytes: number }>();
    for (const [typeId, { count, bytes }] of this.eventIndex.entries()) {
      const name = RESERVED[typeId] ?? this.types.byId(typeId)?.name;
      if (name !== undefined) counts.set(name, { count, bytes });
    }
    return counts;
  }

  /** The constants of a class, by its name; undefined when the chunk does not declare it. */
  pool(typeName: string): Pool | undefined {
    const type = this.types.byName(typeName);
    return type === undefined ? undefined : this.poolOf(type);
  }

  /** The constants of a class. */
  poolOf(type: ClassType): Pool {
    return this.#open().pool(type);
  }

  /** Every pool that holds something. */
  pools(): Pool[] {
    return this.#open().all();
  }

  /**
   * Fields of all events of a type as columns; `fields` are names (`heapSpace` means all of an inline
   * struct) or paths (`heapSpace.committedSize`), all fields when left out. A type the chunk does not
   * declare gives no rows and no columns. Throws JFR_UNKNOWN_NAME for a field the type does not have.
   */
  columns(eventName: string, fields?: readonly string[], filter?: EventFilter): Columns {
    return this.#values.columns(eventName, fields, filter);
  }

  /**
   * The elements of an array that some constants of a class have, as columns: `frames` of
   * `jdk.types.StackTrace`, say, without an object for each. `constants` are indices into the class's
   * pool, as reference columns have them. Throws JFR_UNKNOWN_NAME for a class, array or field that is
   * not there.
   */
  elements(
    typeName: string,
    array: string,
    constants: ArrayLike<number>,
    fields?: readonly string[],
  ): Elements {
    const { part } = this.#options;
    if (part !== undefined) return part.whole.elements(typeName, array, constants, fields);
    const pool = this.pool(typeName);
    if (pool === undefined) {
      throw this.#damage.error('JFR_UNKNOWN_NAME', `no class ${typeName}`, 0);
    }
    return this.#values.elements(pool, array, constants, fields);
  }

  /** The fields of an event type by column name (`heapSpace.committedSize` for parts of structs). */
  fieldsOf(eventName: string): Map<string, Field> {
    const type = this.types.event(eventName);
    const leaves = type === undefined ? [] : this.metadata.layouts.of(type).leaves;
    return new Map(leaves.map(({ path, field }) => [path, field]));
  }

  /** The value of a field of an event type at an offset in the chunk's bytes. */
  readValue(eventName: string, path: string, offset: number): Value {
    return this.#values.field(eventName, path, offset);
  }

  /** Events as objects, in file order; with `reuse` all are one object, good until the next is asked for. */
  events(filter?: EventFilter, reuse = false): Generator<JfrEvent> {
    return this.#values.events(filter, reuse);
  }

  /** The fields of the event of a type at an offset in the chunk's bytes. */
  readFields(type: ClassType, offset: number): Struct {
    return this.#values.fields(type, offset);
  }

  /** The same; undefined for a damaged event when salvaging, which is a loss then. */
  readWhole(type: ClassType, offset: number): Struct | undefined {
    return this.#values.whole(type, offset);
  }

  /** A moment in ticks as nanoseconds since 1970 (rounded as the JDK rounds). */
  epochNanos(ticks: number | bigint): bigint {
    return this.header.startNanos + this.spanNanos(BigInt(ticks) - this.header.startTicks);
  }

  /** A span of ticks in nanoseconds. */
  spanNanos(ticks: number | bigint): bigint {
    const perSecond = this.header.ticksPerSecond;
    if (perSecond === 1_000_000_000n) return BigInt(ticks);
    // the JDK divides doubles: jdk.jfr.internal.consumer.TimeConverter
    const nanos = Math.trunc(Number(ticks) / (Number(perSecond) / 1e9));
    return Number.isFinite(nanos) ? BigInt(nanos) : 0n;
  }

  #open(): ChunkPools {
    this.#pools ??= new ChunkPools(
      this.bytes,
      this.metadata.layouts,
      () => [...(this.#options.earlier ?? []), ...(this.eventIndex.get(1)?.offsets ?? [])],
      (offset, error) =>
        this.#damage.report('checkpoint', this.#damage.placed(error, offset), offset, 0),
      this.#options.sifted?.arena,
    );
    return this.#pools;
  }

  /** Events whose types went with the chunk's metadata. (In a whole chunk, unknown types are legal.) */
  #reportUndeclared(types: TypeModel): void {
    for (const [typeId, { count, bytes, offsets }] of this.eventIndex.entries()) {
      if (typeId <= 1 || types.byId(typeId)?.event === true) continue;
      const reason = `${count} events of type ${typeId}, which nothing that is left declares`;
      const at = offsets[0] ?? 0;
      this.#damage.report('events', this.#damage.error('JFR_NO_METADATA', reason, at), at, bytes);
    }
  }

  get #metadataPosition(): number {
    return this.#options.sifted?.metadataPosition ?? this.header.metadataPosition;
  }
}

/** Type ids that mean the same in every chunk. */
const RESERVED: readonly string[] = ['jdk.Metadata', 'jdk.Checkpoint'];
