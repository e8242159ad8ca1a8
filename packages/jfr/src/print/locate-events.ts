// SPDX-License-Identifier: Apache-2.0
// Where the events of a chunk are and when they end, without decoding them.
import { ByteError } from '@rekindle/bytes';
import type { Chunk } from '../chunk.ts';
import { payload } from '../sink.ts';
import type { ClassType } from '../type-model.ts';
import type { ChunkClock } from './chunk-clock.ts';
import type { EventTypeFilter } from './event-filter.ts';

export interface LocatedEvent {
  readonly type: ClassType;
  /** From the start of the chunk's bytes. */
  readonly offset: number;
}

/** Events of the types that pass the filter, in file order. */
export function* locateEvents(chunk: Chunk, filter?: EventTypeFilter): Generator<LocatedEvent> {
  const lists: { readonly type: ClassType; readonly offsets: Uint32Array }[] = [];
  let total = 0;
  for (const [typeId, { offsets }] of chunk.eventIndex.entries()) {
    const type = chunk.types.byId(typeId);
    if (!type?.event || (filter && !filter(type))) continue;
    lists.push({ type, offsets });
    total += offsets.length;
  }
  // One number for offset and list: offsets are below 2^32, the lists few.
  const merged = new Float64Array(total);
  let at = 0;
  for (const [index, { offsets }] of lists.entries()) {
    for (const offset of offsets) merged[at++] = offset * 2 ** 16 + index;
  }
  merged.sort();
  for (const packed of merged) {
    const offset = Math.floor(packed / 2 ** 16);
    yield { type: lists[packed - offset * 2 ** 16]!.type, offset };
  }
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
export function inEndOrder(
  events: Iterable<LocatedEvent>,
  chunk: Chunk,
  clock: ChunkClock,
): readonly LocatedEvent[] {
  const list = [...events];
  const ends = Float64Array.from(list, ({ type, offset }) => endOf(chunk, type, offset, clock).end);
  if (ends.every((end, index) => index === 0 || ends[index - 1]! <= end)) return list;
  const order = Array.from(list.keys()).sort((a, b) => ends[a]! - ends[b]!);
  return order.map((index) => list[index]!);
}
