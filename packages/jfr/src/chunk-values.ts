// SPDX-License-Identifier: Apache-2.0
// What the events of a chunk say: as columns, as objects, or one field at a time.
import { ByteCursor, ByteError } from '@rekindle/bytes';
import type { Arena } from './arena.ts';
import type { Chunk } from './chunk.ts';
import type { ChunkPools } from './chunk-pools.ts';
import { Columns } from './column.ts';
import { type DecodeContext, type DecodeMode, decodeColumns } from './decode-columns.ts';
import { decodeElements, type Elements } from './elements.ts';
import { JfrError } from './error.ts';
import { JfrEvent } from './event.ts';
import type { Damage } from './loss.ts';
import type { Pool } from './pool.ts';
import { type EventFilter, selectEvents } from './select-events.ts';
import { payload } from './sink.ts';
import { skipVarint } from './string-encoding.ts';
import type { ClassType } from './type-model.ts';
import type { Struct, Value } from './value.ts';

/** What reading takes that a chunk does not show. */
export interface ValueAccess {
  /** The constants, opened when first asked for. */
  readonly pools: () => ChunkPools;
  readonly mode: DecodeMode;
  readonly damage: Damage;
  /** Where a type that makes no sense was declared. */
  readonly metadataPosition: number;
  /** Where the arrays of columns are to be. */
  readonly arena: Arena | undefined;
}

/** The values of one chunk. */
export class ChunkValues {
  readonly #chunk: Chunk;
  readonly #access: ValueAccess;
  readonly #damage: Damage;

  constructor(chunk: Chunk, access: ValueAccess) {
    this.#chunk = chunk;
    this.#access = access;
    this.#damage = access.damage;
  }

  columns(eventName: string, fields?: readonly string[], filter?: EventFilter): Columns {
    const type = this.#chunk.types.event(eventName);
    if (type === undefined || !this.#isReadable(type)) return new Columns(eventName, 0, []);
    return this.#decode(type, this.#select(type, filter), fields);
  }

  elements(
    pool: Pool,
    array: string,
    constants: ArrayLike<number>,
    fields?: readonly string[],
  ): Elements {
    return decodeElements(pool, array, constants, fields, this.#decodeContext);
  }

  field(eventName: string, path: string, offset: number): Value {
    const chunk = this.#chunk;
    const type = chunk.types.event(eventName);
    const leaf = type && chunk.metadata.layouts.of(type).leaves.find((item) => item.path === path);
    if (leaf === undefined) return null;
    const { values } = this.#access.pools();
    return values.readField(leaf.field, leaf.op, new ByteCursor(chunk.bytes, offset));
  }

  *events(filter: EventFilter | undefined, reuse: boolean): Generator<JfrEvent> {
    const chunk = this.#chunk;
    const selected: { type: ClassType; offsets: Uint32Array }[] = [];
    let total = 0;
    for (const [typeId] of chunk.eventIndex.entries()) {
      const type = chunk.types.byId(typeId);
      if (type?.event !== true || !this.#isReadable(type)) continue;
      if (filter?.types !== undefined && !filter.types.includes(type.name)) continue;
      const offsets = this.#select(type, filter);
      selected.push({ type, offsets });
      total += offsets.length;
    }
    const order = new Uint32Array(total);
    const types = new Map<number, ClassType>();
    let filled = 0;
    for (const { type, offsets } of selected) {
      order.set(offsets, filled);
      filled += offsets.length;
      types.set(type.id, type);
    }
    order.sort();
    let event: JfrEvent | undefined;
    for (const offset of order) {
      const type = types.get(typeIdAt(chunk.bytes, offset))!;
      if (reuse && event !== undefined) event.moveTo(type, offset);
      else event = new JfrEvent(chunk, type, offset);
      if (!this.#damage.salvage || this.#isWhole(event)) yield event;
    }
  }

  fields(type: ClassType, offset: number): Struct {
    try {
      return this.#access.pools().values.readStruct(type, payload(this.#chunk.bytes, offset));
    } catch (error) {
      if (error instanceof ByteError) {
        throw this.#damage.error('JFR_EVENT_OVERRUN', `${type.name}: ${error.message}`, offset);
      }
      if (error instanceof JfrError) throw this.#damage.placed(error, offset);
      throw error;
    }
  }

  whole(type: ClassType, offset: number): Struct | undefined {
    return this.#orLost(offset, () => this.fields(type, offset));
  }

  #select(type: ClassType, filter: EventFilter | undefined): Uint32Array {
    const chunk = this.#chunk;
    const offsets = chunk.eventIndex.get(type.id)?.offsets ?? new Uint32Array(0);
    const clock = {
      startNanos: chunk.header.startNanos,
      epochNanos: (ticks: number | bigint) => chunk.epochNanos(ticks),
    };
    const shape = { name: type.name, leaves: chunk.metadata.layouts.of(type).leaves };
    return selectEvents(shape, offsets, filter, clock, (some, field) =>
      this.#decode(type, some, [field]),
    );
  }

  #decode(type: ClassType, offsets: Uint32Array, fields: readonly string[] | undefined): Columns {
    return decodeColumns(type, offsets, fields, this.#decodeContext);
  }

  get #decodeContext(): DecodeContext {
    const { bytes, metadata, header } = this.#chunk;
    const { pools, mode, damage, arena } = this.#access;
    return {
      bytes,
      layouts: metadata.layouts,
      pools: pools(),
      startTicks: header.startTicks,
      mode,
      damage,
      arena,
    };
  }

  /** Whether the type makes sense. */
  #isReadable(type: ClassType): boolean {
    try {
      return this.#chunk.metadata.layouts.of(type) !== undefined;
    } catch (error) {
      if (!(error instanceof JfrError)) throw error;
      const at = this.#access.metadataPosition;
      this.#damage.report('metadata', this.#damage.placed(error, at), at, 0);
      return false;
    }
  }

  #isWhole(event: JfrEvent): boolean {
    return this.#orLost(event.offset, () => event.fields) !== undefined;
  }

  /** What is read of the event at an offset; when salvaging, damage is a loss and gives undefined. */
  #orLost<T>(offset: number, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof JfrError)) throw error;
      const { limit } = payload(this.#chunk.bytes, offset);
      this.#damage.report('event', error, offset, limit - offset);
      return undefined;
    }
  }
}

/** Type id of an event that was walked over. */
function typeIdAt(bytes: Uint8Array, offset: number): number {
  let at = skipVarint(bytes, offset);
  let typeId = 0;
  for (let scale = 1, count = 1; ; scale *= 128, count++) {
    const byte = bytes[at++]!;
    typeId += (count === 9 ? byte : byte & 127) * scale;
    if (!(byte > 127) || count === 9) return typeId;
  }
}
