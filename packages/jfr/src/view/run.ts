// SPDX-License-Identifier: Apache-2.0
// Runs a query: one pass over the events it reads, in the order of their ends, chunk by chunk, as the
// JDK's ordered event stream gives them.
import type { Chunk } from '../chunk.ts';
import { ChunkClock } from '../print/chunk-clock.ts';
import { endOf } from '../print/locate-events.ts';
import type { ClassType } from '../type-model.ts';
import { classOf, type Struct } from '../value.ts';
import { type Accumulator, accumulatorOf } from './aggregate.ts';
import type { Cell } from './cell.ts';
import type { Source, ViewEvent, ViewField } from './field.ts';
import { formatCell } from './format-cell.ts';
import { type GroupKey, inMapOrder, joinKeys, keyOfCell } from './group-key.ts';
import type { Query } from './query.ts';
import { isGrouping, resolveQuery } from './resolve.ts';

/** The answer of a query: a cell for each field of each row, unsorted. */
export interface Answer {
  readonly fields: readonly ViewField[];
  readonly rows: Cell[][];
}

/** A source with the fields that read it. */
interface Reader {
  readonly source: Source;
  readonly fields: readonly ViewField[];
}

interface Group {
  readonly hash: number;
  readonly accumulators: readonly Accumulator[];
  /** End of the group's newest event in a LAST_BATCH field, by field. */
  readonly batchEnds: (bigint | undefined)[];
}

/** Runs one query over the chunks of a recording, which must come in file order. */
export class QueryRun {
  readonly query: Query;
  #fields: ViewField[] | undefined;
  #readers: Reader[] = [];
  #clock: ChunkClock | undefined;
  readonly #rows: Cell[][] = [];
  readonly #groups: Map<string, Group> = new Map();
  /** Whether the newest event made a group. */
  #lastMade = false;
  /** End of the newest event of each LAST_BATCH field over all groups. */
  readonly #lastBatch: (bigint | undefined)[] = [];

  constructor(query: Query) {
    this.query = query;
  }

  /** Throws JFR_UNKNOWN_NAME at the first chunk when it has not the event types or fields asked for. */
  add(chunk: Chunk): void {
    if (!this.#fields) {
      // Types and clock are those of the first chunk, as the JDK has it.
      this.#fields = resolveQuery(this.query, chunk.types);
      this.#readers = readersOf(this.#fields);
      this.#clock = new ChunkClock(chunk.header, chunk.types.region);
    }
    const clock = this.#clock!;
    const keyOf = keyLookup(chunk);
    for (const { reader, type, offset, end } of this.#eventsOf(chunk, clock)) {
      const fields = chunk.readWhole(type, offset);
      if (fields === undefined) continue;
      const event = { type, fields, clock };
      if (!meets(reader.source, event)) continue;
      if (!isGrouping(this.query)) {
        const row: Cell[] = Array.from({ length: this.#fields.length }, () => null);
        for (const field of reader.fields) row[field.index] = field.get(event);
        this.#rows.push(row);
      } else {
        this.#addToGroup(reader, event, clock.startNanos + BigInt(end), keyOf);
      }
    }
  }

  finish(): Answer {
    const fields = this.#fields ?? [];
    if (!isGrouping(this.query)) return { fields, rows: this.#rows };
    const rows = inMapOrder([...this.#groups.values()], this.#lastMade)
      .filter(({ batchEnds }) =>
        batchEnds.every((end, index) => end === undefined || end === this.#lastBatch[index]),
      )
      .map(({ accumulators }) => accumulators.map((accumulator) => accumulator.result()));
    return { fields, rows };
  }

  #addToGroup(
    { fields }: Reader,
    event: ViewEvent,
    end: bigint,
    keyOf: (struct: Struct) => number | bigint,
  ): void {
    const cells = fields.map((field) => field.get(event));
    const keys: GroupKey[] = [];
    for (const [index, field] of fields.entries()) {
      if (field.grouped) keys.push(keyOfCell(cells[index]!, field.dataType === 'long', keyOf));
    }
    const key = joinKeys(keys);
    let group = this.#groups.get(key.id);
    this.#lastMade = !group;
    if (!group) {
      const accumulators = this.#fields!.map(accumulatorOf);
      group = { hash: key.hash, accumulators, batchEnds: [] };
      this.#groups.set(key.id, group);
    }
    for (const [index, field] of fields.entries()) {
      group.accumulators[field.index]!.add(cells[index]!);
      if (field.aggregate === 'last_batch' && !field.grouped) {
        group.batchEnds[field.index] = end;
        this.#lastBatch[field.index] = end;
      }
    }
  }

  /** The events of a chunk that some source reads, by their end; a tie keeps the order of the file. */
  #eventsOf(chunk: Chunk, clock: ChunkClock): Located[] {
    const located: Located[] = [];
    for (const reader of this.#readers) {
      const type = chunk.types.event(reader.source.type.name);
      if (!type) continue;
      for (const offset of chunk.eventIndex.get(type.id)?.offsets ?? []) {
        located.push({ reader, type, offset, end: endOf(chunk, type, offset, clock).end });
      }
    }
    return located.sort((a, b) => a.end - b.end || a.offset - b.offset);
  }
}

interface Located {
  readonly reader: Reader;
  readonly type: ClassType;
  readonly offset: number;
  /** Nanoseconds from the clock's start. */
  readonly end: number;
}

/** Which fields each source feeds; sources of one type and the same conditions are one. */
function readersOf(fields: readonly ViewField[]): Reader[] {
  const readers = new Map<string, { source: Source; fields: ViewField[] }>();
  for (const field of fields) {
    for (const { source } of field.sources) {
      const conditions = source.conditions.map(({ field: { name }, text }) => `${name}=${text}`);
      const id = `${source.type.id} ${conditions.join()}`;
      const reader = readers.get(id) ?? { source, fields: [] };
      if (!reader.fields.includes(field)) reader.fields.push(field);
      readers.set(id, reader);
    }
  }
  return [...readers.values()];
}

function meets(source: Source, event: ViewEvent): boolean {
  return source.conditions.every(({ field, text }) => formatCell(field, field.get(event)) === text);
}

/** Finds the key of a constant in its pool. */
function keyLookup(chunk: Chunk): (struct: Struct) => number | bigint {
  const known = new Map<ClassType, Map<unknown, number | bigint>>();
  return (struct) => {
    const type = classOf(struct);
    let keys = known.get(type);
    if (!keys) {
      keys = new Map();
      const pool = chunk.poolOf(type);
      for (let index = 0; index < pool.length; index++) keys.set(pool.get(index), pool.key(index));
      known.set(type, keys);
    }
    return keys.get(struct) ?? 0;
  };
}
