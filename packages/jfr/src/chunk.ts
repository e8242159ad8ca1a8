// SPDX-License-Identifier: Apache-2.0
// One chunk in memory: types, events and constants, each found when first asked for.
import { ByteCursor, ByteError } from '@rekindle/bytes';
import { checkChain } from './checkpoint-chain.ts';
import { ChunkPools } from './chunk-pools.ts';
import { Columns } from './column.ts';
import { canCompile, runCompiled } from './compile.ts';
import { JfrError } from './error.ts';
import { JfrEvent, THREAD_FIELDS } from './event.ts';
import { EventIndex, type OffsetList, walkError } from './event-index.ts';
import { type ChunkHeader, HEADER_SIZE } from './header.ts';
import { interpret } from './interpret.ts';
import type { Loss } from './loss.ts';
import { metadataContent, readMetadata } from './metadata.ts';
import { Layouts } from './plan.ts';
import type { Pool } from './pool.ts';
import { makeSink, payload, type Sink, type SinkContext } from './sink.ts';
import { type ClassType, TypeModel } from './type-model.ts';
import { isStruct, type Struct } from './value.ts';

export type DecodeMode = 'auto' | 'compiled' | 'interpreted';

/** Which events; everything given must hold. Decided before any other field is decoded. */
export interface EventFilter {
  /** Event type names. */
  readonly types?: readonly string[];
  /** The event starts at or after this moment; nanoseconds since 1970. */
  readonly from?: bigint;
  /** The event starts before this moment; nanoseconds since 1970. */
  readonly to?: bigint;
  /** Asked once per thread of the chunk; events without a thread never match. */
  readonly thread?: (thread: Struct) => boolean;
}

export interface ChunkOptions {
  /** Index of the chunk in the recording. */
  readonly index: number;
  /** Offset of the chunk in the source. */
  readonly offset: number;
  /** Throw on damage, or report it in `losses` and go on. */
  readonly salvage: boolean;
  readonly decode: DecodeMode;
  /** Metadata of an earlier chunk, for a chunk whose own was lost; used when salvaging. */
  readonly fallback?: TypeModel | undefined;
  /** Layouts of an earlier chunk, taken over when the metadata is the same, byte for byte. */
  readonly known?: KnownMetadata | undefined;
}

/** Parsed metadata together with the bytes it came from. */
export interface KnownMetadata {
  readonly content: Uint8Array;
  readonly layouts: Layouts;
}

/** A chunk of a recording. Its methods are synchronous: all its bytes are here. */
export class Chunk {
  /** Index in the recording, from 0. */
  readonly index: number;
  /** Byte offset in the source. */
  readonly offset: number;
  readonly header: ChunkHeader;
  /** The bytes of the chunk, header included: all of it, or what was left of it. */
  readonly bytes: Uint8Array;
  /** What could not be read so far (salvage only; it grows as more is asked for). */
  readonly losses: Loss[] = [];
  readonly #options: ChunkOptions;
  #metadata: KnownMetadata | undefined;
  #events: EventIndex | undefined;
  #pools: ChunkPools | undefined;

  constructor(header: ChunkHeader, bytes: Uint8Array, options: ChunkOptions) {
    this.index = options.index;
    this.offset = options.offset;
    this.header = header;
    this.bytes = bytes;
    this.#options = options;
  }

  /** Types, annotations, settings and region, as this chunk declares them. */
  get types(): TypeModel {
    return this.metadata.layouts.types;
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

  /** The types with the bytes they came from: for the next chunk, which mostly declares the same. */
  get metadata(): KnownMetadata {
    this.#metadata ??= this.#readMetadata();
    return this.#metadata;
  }

  /** The event types this chunk declares, in file order; most have no events. */
  get eventTypes(): readonly ClassType[] {
    return this.types.events;
  }

  /** Where the events are, by type id. */
  get eventIndex(): EventIndex {
    this.#events ??= this.#indexEvents();
    return this.#events;
  }

  /** Number of events of a type, by name. */
  count(eventName: string): number {
    return this.#listOf(eventName)?.count ?? 0;
  }

  /** Number and bytes of events by type name, types of no events left out. */
  counts(): Map<string, { readonly count: number; readonly bytes: number }> {
    const counts = new Map<string, { count: number; bytes: number }>();
    for (const [typeId, list] of this.eventIndex.entries()) {
      const name =
        typeId === 0
          ? 'jdk.Metadata'
          : typeId === 1
            ? 'jdk.Checkpoint'
            : this.types.byId(typeId)?.name;
      if (name !== undefined) counts.set(name, { count: list.count, bytes: list.bytes });
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
    const type = this.types.event(eventName);
    if (type === undefined) return new Columns(eventName, 0, []);
    return this.#decode(type, this.#select(type, filter), fields);
  }

  /** Events as objects, in file order. */
  *events(filter?: EventFilter): Generator<JfrEvent> {
    const selected: { type: ClassType; offsets: Uint32Array }[] = [];
    let total = 0;
    for (const [typeId] of this.eventIndex.entries()) {
      const type = this.types.byId(typeId);
      if (type?.event !== true) continue;
      if (filter?.types !== undefined && !filter.types.includes(type.name)) continue;
      const offsets = this.#select(type, filter);
      selected.push({ type, offsets });
      total += offsets.length;
    }
    const order = new Uint32Array(total);
    const typeAt = new Map<number, ClassType>();
    let filled = 0;
    for (const { type, offsets } of selected) {
      order.set(offsets, filled);
      filled += offsets.length;
      typeAt.set(type.id, type);
    }
    order.sort();
    for (const offset of order) {
      const event = new JfrEvent(this, typeAt.get(this.#typeIdAt(offset))!, offset);
      if (!this.#options.salvage || this.#isWhole(event)) yield event;
    }
  }

  #isWhole(event: JfrEvent): boolean {
    try {
      return event.fields !== undefined;
    } catch (error) {
      if (!(error instanceof JfrError)) throw error;
      this.#damage('event', error, event.offset, this.#sizeAt(event.offset));
      return false;
    }
  }

  /** The fields of the event of a type at an offset in the chunk's bytes. */
  readFields(type: ClassType, offset: number): Struct {
    try {
      return this.#open().values.readStruct(type, payload(this.bytes, offset));
    } catch (error) {
      if (error instanceof ByteError) {
        throw this.#error('JFR_EVENT_OVERRUN', `${type.name}: ${error.message}`, offset);
      }
      throw error;
    }
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
    return BigInt(Math.trunc(Number(ticks) / (Number(perSecond) / 1e9)));
  }

  #open(): ChunkPools {
    this.#pools ??= new ChunkPools(
      this.bytes,
      this.metadata.layouts,
      () => this.eventIndex.get(1)?.offsets ?? new Uint32Array(0),
      (offset, error) => this.#damage('checkpoint', this.#placed(error), offset, 0),
    );
    return this.#pools;
  }

  #listOf(eventName: string): OffsetList | undefined {
    const type = this.types.event(eventName);
    return type === undefined ? undefined : this.eventIndex.get(type.id);
  }

  #typeIdAt(offset: number): number {
    const { bytes } = this;
    let at = offset;
    while (bytes[at]! > 127) at++;
    at++;
    let typeId = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]!;
      typeId += (byte & 127) * scale;
      if (!(byte > 127)) return typeId;
    }
  }

  #select(type: ClassType, filter: EventFilter | undefined): Uint32Array {
    let offsets = this.eventIndex.get(type.id)?.offsets ?? new Uint32Array(0);
    if (filter === undefined || offsets.length === 0) return offsets;
    const { from, to, thread } = filter;
    if (from !== undefined || to !== undefined) {
      const keep = this.#withinTime(type, offsets, from, to);
      offsets = offsets.filter((_, row) => keep(row));
    }
    if (thread !== undefined) {
      const field = THREAD_FIELDS.find((name) => type.fields.some((item) => item.name === name));
      if (field === undefined) return new Uint32Array(0);
      const columns = this.#decode(type, offsets, [field]);
      const column = columns.get(field);
      if (column.kind !== 'reference' || columns.length !== offsets.length) {
        return new Uint32Array(0);
      }
      const known = new Map<number, boolean>();
      offsets = offsets.filter((_, row) => {
        const index = column.indices[row]!;
        let match = known.get(index);
        if (match === undefined) {
          const value = column.pool.get(index);
          match = isStruct(value) && thread(value);
          known.set(index, match);
        }
        return match;
      });
    }
    return offsets;
  }

  #withinTime(
    type: ClassType,
    offsets: Uint32Array,
    from: bigint | undefined,
    to: bigint | undefined,
  ): (row: number) => boolean {
    const within = (nanos: bigint): boolean =>
      (from === undefined || nanos >= from) && (to === undefined || nanos < to);
    if (!type.fields.some(({ name }) => name === 'startTime')) {
      const all = within(this.header.startNanos);
      return () => all;
    }
    const column = this.#decode(type, offsets, ['startTime']).get('startTime');
    return (row) => {
      const ticks = column.get(row);
      if (typeof ticks !== 'number' && typeof ticks !== 'bigint') return false;
      return within(this.epochNanos(ticks));
    };
  }

  #decode(type: ClassType, offsets: Uint32Array, fields: readonly string[] | undefined): Columns {
    const { layouts } = this.metadata;
    const { leaves } = layouts.of(type);
    const selected = leaves.map(({ path }) =>
      fields === undefined
        ? true
        : fields.some((name) => name === path || path.startsWith(`${name}.`)),
    );
    for (const name of fields ?? []) {
      if (!leaves.some(({ path }) => path === name || path.startsWith(`${name}.`))) {
        throw new JfrError(
          'JFR_UNKNOWN_NAME',
          `${type.name} has no field ${name}`,
          { chunk: this.index },
          `fields are ${leaves.map(({ path }) => path).join(', ')}`,
        );
      }
    }
    const pools = this.#open();
    const context: SinkContext = {
      bytes: this.bytes,
      layouts,
      startTicks: this.header.startTicks,
      pool: ({ op }) => pools.pool((op as { readonly type: ClassType }).type),
      stringPool: () => pools.stringPool(),
      readAt: (leaf, offset) =>
        pools.values.readField(leaf.field, leaf.op, new ByteCursor(this.bytes, offset)),
    };
    const { decode } = this.#options;
    const run =
      decode === 'interpreted' || (decode === 'auto' && !canCompile()) ? interpret : runCompiled;
    let rows = offsets;
    for (;;) {
      const sinks: (Sink | undefined)[] = leaves.map((leaf, index) =>
        selected[index] ? makeSink(leaf, rows.length, context) : undefined,
      );
      const misfits = run(this.bytes, leaves, layouts, rows, sinks);
      if (misfits.length === 0) {
        const columns = sinks.flatMap((sink) =>
          sink === undefined ? [] : [sink.finish(rows.length)],
        );
        return new Columns(type.name, rows.length, columns);
      }
      const bad = new Set(misfits);
      for (const row of bad) {
        const offset = rows[row]!;
        const reason = `${type.name} needs more bytes than the event has`;
        const error = this.#error('JFR_EVENT_OVERRUN', reason, offset);
        this.#damage('event', error, offset, this.#sizeAt(offset));
      }
      rows = rows.filter((_, row) => !bad.has(row));
    }
  }

  #sizeAt(offset: number): number {
    return payload(this.bytes, offset).limit - offset;
  }

  #readMetadata(): KnownMetadata {
    const { known, fallback } = this.#options;
    const at = this.header.metadataPosition;
    try {
      if (at === 0) {
        throw this.#error('JFR_NO_METADATA', 'the chunk was never flushed: no metadata', 0);
      }
      if (at < HEADER_SIZE || at >= this.bytes.length) {
        throw this.#error('JFR_BAD_POINTER', `metadata at ${at}, outside the chunk`, 24);
      }
      return this.#metadataAt(at, known);
    } catch (error) {
      if (!(error instanceof JfrError) || !this.#options.salvage) throw error;
      this.#damage('metadata', error, at, 0);
      for (const offset of [...(this.eventIndex.get(0)?.offsets ?? [])].reverse()) {
        try {
          return this.#metadataAt(offset, known);
        } catch (other) {
          if (!(other instanceof JfrError)) throw other;
        }
      }
      const region = { locale: undefined, gmtOffset: undefined, dst: undefined };
      const layouts = new Layouts(fallback ?? new TypeModel(0, [], region));
      return { content: new Uint8Array(0), layouts };
    }
  }

  #metadataAt(at: number, known: KnownMetadata | undefined): KnownMetadata {
    const content = metadataContent(this.bytes, at);
    if (known !== undefined && content !== undefined && equalBytes(known.content, content)) {
      return known;
    }
    const place = { chunk: this.index, base: this.offset };
    const types = readMetadata(this.bytes, at, this.bytes.length, place);
    return { content: content?.slice() ?? new Uint8Array(0), layouts: new Layouts(types) };
  }

  #indexEvents(): EventIndex {
    const index = new EventIndex();
    const { bytes } = this;
    const stop = index.walk(bytes, HEADER_SIZE, bytes.length);
    if (stop !== undefined) {
      const error = walkError(stop, this.index, this.offset);
      this.#damage('events', error, stop.offset, bytes.length - stop.offset);
    }
    const chain = checkChain(bytes, this.header.constantPoolPosition);
    if (chain !== undefined) this.#damage('pointer', this.#placed(chain), chain.offset ?? 0, 0);
    return index;
  }

  /** Throws when strict; takes note of it when salvaging. `offset` is within the chunk. */
  #damage(what: Loss['what'], error: JfrError, offset: number, bytes: number): void {
    if (!this.#options.salvage) throw error;
    this.losses.push({
      code: error.code,
      chunk: this.index,
      offset: this.offset + offset,
      bytes,
      what,
      reason: error.reason,
    });
  }

  #error(code: JfrError['code'], reason: string, offset: number): JfrError {
    return new JfrError(code, reason, { chunk: this.index, offset: this.offset + offset });
  }

  /** An error whose offset was within the chunk. */
  #placed(error: JfrError): JfrError {
    return this.#error(error.code, error.reason, error.offset ?? 0);
  }
}

function equalBytes(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false;
  return true;
}
