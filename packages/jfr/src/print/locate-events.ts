// SPDX-License-Identifier: Apache-2.0
// Where the events of a chunk are and when they end, without decoding them.
import { ByteError } from '@rekindle/bytes';
import type { Chunk } from '../chunk.ts';
import { payload } from '../sink.ts';
import type { ClassType } from '../type-model.ts';
import type { ChunkClock } from './chunk-clock.ts';
import type { EventTypeFilter } from './event-filter.ts';
import { mergeOrder } from './merge-order.ts';

export interface LocatedEvent {
  readonly type: ClassType;
  /** From the start of the chunk's bytes. */
  readonly offset: number;
}

/** Events of a chunk, without an object for each. */
export interface LocatedEvents {
  readonly types: readonly ClassType[];
  /** By event: index in `types`. */
  readonly kinds: Uint32Array;
  /** By event: from the start of the chunk's bytes. */
  readonly offsets: Uint32Array;
}

/** Events of the types that pass the filter, in file order. */
export function locateEvents(chunk: Chunk, filter?: EventTypeFilter): LocatedEvents {
  const types: ClassType[] = [];
  const lists: Uint32Array[] = [];
  let total = 0;
  for (const [typeId, { offsets }] of chunk.eventIndex.entries()) {
    const type = chunk.types.byId(typeId);
    if (!type?.event || (filter && !filter(type))) continue;
    types.push(type);
    lists.push(offsets);
    total += offsets.length;
  }
  const kinds = new Uint32Array(total);
  const keys = new Float64Array(total);
  let at = 0;
  for (const [kind, list] of lists.entries()) {
    keys.set(list, at);
    kinds.fill(kind, at, at + list.length);
    at += list.length;
  }
  return inOrder({ types, kinds, offsets: Uint32Array.from(keys) }, keys);
}

function inOrder(events: LocatedEvents, keys: Float64Array): LocatedEvents {
  const order = mergeOrder(keys);
  const kinds = new Uint32Array(order.length);
  const offsets = new Uint32Array(order.length);
  for (let index = 0; index < order.length; index++) {
    kinds[index] = events.kinds[order[index]!]!;
    offsets[index] = events.offsets[order[index]!]!;
  }
  return { types: events.types, kinds, offsets };
}

/** Start and end of an event in nanoseconds from the start of its chunk. */
export function endOf(
  chunk: Chunk,
  type: ClassType,
  offset: number,
  clock: ChunkClock,
): { readonly start: number; readonly end: number } {
  // startTime is always the first field and duration, where there is one, the second.
  if (type.fields[0]?.name !== 'startTime') return { start: 0, end: 0 };
  try {
    const cursor = payload(chunk.bytes, offset);
    const ticks = cursor.long();
    const start = clock.sinceStart(ticks);
    if (type.fields[1]?.name !== 'duration') return { start, end: start };
    const duration = cursor.long();
    const last =
      typeof ticks === 'number' && typeof duration === 'number'
        ? ticks + duration
        : BigInt(ticks) + BigInt(duration);
    return { start, end: clock.sinceStart(last) };
  } catch (error) {
    // Too short for its own start time: whoever decodes it will say so.
    if (error instanceof ByteError) return { start: 0, end: 0 };
    throw error;
  }
}

/** Sorts by end time; events that end together keep their order. */
export function inEndOrder(events: LocatedEvents, chunk: Chunk, clock: ChunkClock): LocatedEvents {
  const { types, kinds, offsets } = events;
  const ends = new Float64Array(offsets.length);
  for (let index = 0; index < ends.length; index++) {
    ends[index] = endOf(chunk, types[kinds[index]!]!, offsets[index]!, clock).end;
  }
  return inOrder(events, ends);
}
