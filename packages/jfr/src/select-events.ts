// SPDX-License-Identifier: Apache-2.0
// Which events are wanted, decided from as few of their fields as will do.
import type { Columns } from './column.ts';
import { THREAD_FIELDS } from './event.ts';
import type { Leaf } from './plan.ts';
import { isStruct, type Struct } from './value.ts';

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

export interface Clock {
  readonly startNanos: bigint;
  epochNanos(ticks: number | bigint): bigint;
}

/** Decodes one field of the events at some offsets; rows that do not fit are left out when salvaging. */
export type DecodeField = (offsets: Uint32Array, field: string) => Columns;

/** An event type as far as selecting goes. */
export interface EventShape {
  readonly name: string;
  readonly leaves: readonly Leaf[];
}

/** The offsets of the events of a type that pass the filter. */
export function selectEvents(
  { name, leaves }: EventShape,
  offsets: Uint32Array,
  filter: EventFilter | undefined,
  clock: Clock,
  decode: DecodeField,
): Uint32Array {
  if (filter === undefined || offsets.length === 0) return offsets;
  if (filter.types !== undefined && !filter.types.includes(name)) return new Uint32Array(0);
  let selected = offsets;
  if (filter.from !== undefined || filter.to !== undefined) {
    selected = withinTime(leaves, selected, filter, clock, decode);
  }
  if (filter.thread !== undefined) selected = ofThread(leaves, selected, filter.thread, decode);
  return selected;
}

function withinTime(
  leaves: readonly Leaf[],
  offsets: Uint32Array,
  { from, to }: EventFilter,
  clock: Clock,
  decode: DecodeField,
): Uint32Array {
  const within = (nanos: bigint): boolean =>
    (from === undefined || nanos >= from) && (to === undefined || nanos < to);
  if (!leaves.some(({ path, op }) => path === 'startTime' && op.kind === 'long')) {
    return within(clock.startNanos) ? offsets : new Uint32Array(0);
  }
  const columns = decode(offsets, 'startTime');
  if (columns.length !== offsets.length) return offsets; // damaged: what is whole comes out later
  const column = columns.get('startTime');
  return offsets.filter((_, row) => {
    const ticks = column.get(row);
    return (
      (typeof ticks === 'number' || typeof ticks === 'bigint') && within(clock.epochNanos(ticks))
    );
  });
}

function ofThread(
  leaves: readonly Leaf[],
  offsets: Uint32Array,
  wanted: (thread: Struct) => boolean,
  decode: DecodeField,
): Uint32Array {
  const field = THREAD_FIELDS.find((name) =>
    leaves.some(({ path, op }) => path === name && op.kind === 'reference'),
  );
  if (field === undefined) return new Uint32Array(0);
  const columns = decode(offsets, field);
  if (columns.length !== offsets.length) return offsets;
  const column = columns.get(field);
  if (column.kind !== 'reference') return new Uint32Array(0);
  const known = new Map<number, boolean>();
  return offsets.filter((_, row) => {
    const index = column.indices[row]!;
    let match = known.get(index);
    if (match === undefined) {
      const thread = column.pool.get(index);
      match = isStruct(thread) && wanted(thread);
      known.set(index, match);
    }
    return match;
  });
}
