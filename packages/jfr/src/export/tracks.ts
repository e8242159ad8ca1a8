// SPDX-License-Identifier: Apache-2.0
// Events of a type as marks on a time line: when, how long, on whose track, with what to say.
import type { Column, Columns } from '../column.ts';
import { THREAD_FIELDS } from '../event.ts';
import { eventTypesOf } from '../event-types.ts';
import type { Recording } from '../recording.ts';
import type { ClassType } from '../type-model.ts';
import { isStruct, type Value } from '../value.ts';
import { constantText, threadName } from './constant-text.ts';
import { numbersIfAny, startsOf } from './stacks.ts';

export interface Mark {
  /** Nanoseconds since the recording's start. */
  readonly start: number;
  /** Nanoseconds; undefined for an event type that has no duration. */
  readonly duration: number | undefined;
  /** Key of the track it lies on. */
  readonly track: string;
  /** Fields that are not shown otherwise. */
  readonly arguments: Readonly<Record<string, string | number | boolean | null>>;
}

export interface Track {
  readonly key: string;
  readonly name: string;
  /** Of the operating system, or a made-up one beyond any real one for a track without a thread. */
  readonly id: number;
}

export interface MarkedType {
  readonly type: ClassType;
  /** In order of start; made when asked for, once. */
  readonly marks: Iterable<Mark>;
}

/** Above what Linux gives threads (2^22). */
const FIRST_MADE_UP_ID = 1 << 23;

/** The tracks of a recording: its threads, and rows for events of no thread. */
export class Tracks {
  readonly #known: Map<string, Track> = new Map();
  #nextId = FIRST_MADE_UP_ID;

  /** The id of the track of a key; 0 when there is none. */
  id(key: string): number {
    return this.#known.get(key)?.id ?? 0;
  }

  get all(): readonly Track[] {
    return [...this.#known.values()];
  }

  thread(thread: Value): string {
    const id = isStruct(thread) ? Number(thread.osThreadId ?? 0) : 0;
    const name = isStruct(thread) ? threadName(thread) : '';
    // virtual threads share the ids of none
    return this.#track(id > 0 ? `t${id} ${name}` : `v${name}`, name || 'no thread', id);
  }

  /** The row `lane` of those for events of no thread, which may overlap. */
  lane(type: ClassType, lane: number): string {
    const name = type.label ?? type.name;
    return this.#track(`e${lane} ${type.name}`, lane === 0 ? name : `${name} (${lane + 1})`, 0);
  }

  #track(key: string, name: string, id: number): string {
    if (!this.#known.has(key)) {
      this.#known.set(key, { key, name, id: id > 0 ? id : this.#nextId++ });
    }
    return key;
  }
}

const SHOWN_OTHERWISE: readonly string[] = ['startTime', 'duration', ...THREAD_FIELDS];

/** Every event type that has events and a start time, one after the other. */
export async function* markedTypes(
  recording: Recording,
  tracks: Tracks,
  select: (type: ClassType) => boolean = () => true,
): AsyncGenerator<MarkedType> {
  for (const [name, type] of await eventTypesOf(recording)) {
    if (!select(type) || !type.fields.some((field) => field.name === 'startTime')) continue;
    const columns = await recording.columns(name);
    if (columns.length > 0) yield { type, marks: marksOf(type, columns, tracks) };
  }
}

function* marksOf(type: ClassType, columns: Columns, tracks: Tracks): Generator<Mark> {
  const starts = startsOf(columns);
  const durations = numbersIfAny(columns, 'duration');
  const threadField = THREAD_FIELDS.find((field) => columns.has(field));
  const threads = threadField === undefined ? undefined : columns.get(threadField);
  const rest = columns.all.filter(({ name }) => !SHOWN_OTHERWISE.includes(name)).map(reader);
  const order = Uint32Array.from(starts.keys()).sort((a, b) => starts[a]! - starts[b]!);
  const lanes = new Lanes();
  for (const row of order) {
    const start = starts[row]!;
    const duration = durations?.[row];
    yield {
      start,
      duration,
      track:
        threads === undefined
          ? tracks.lane(type, lanes.place(start, duration ?? 0))
          : tracks.thread(threads.get(row)),
      arguments: Object.fromEntries(rest.map(({ name, get }) => [name, get(row)])),
    };
  }
}

/** Spans that overlap side by side, each in the first lane that is free; they come in order of start. */
class Lanes {
  readonly #ends: number[] = [];

  place(start: number, duration: number): number {
    let lane = this.#ends.findIndex((end) => end <= start);
    if (lane < 0) lane = this.#ends.length;
    this.#ends[lane] = start + duration;
    return lane;
  }
}

interface Reader {
  readonly name: string;
  readonly get: (row: number) => string | number | boolean | null;
}

function reader(column: Column): Reader {
  const { name } = column;
  const plain = (value: Value): string | number | boolean | null =>
    typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))
      ? value
      : constantText(value);
  if (column.kind !== 'reference') return { name, get: (row) => plain(column.get(row)) };
  const known = new Map<number, string | number | boolean | null>();
  return {
    name,
    get: (row) => {
      const index = column.indices[row]!;
      if (!known.has(index)) known.set(index, plain(column.pool.get(index)));
      return known.get(index)!;
    },
  };
}
