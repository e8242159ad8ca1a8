// SPDX-License-Identifier: Apache-2.0
// Makes a chunk of one process fit to follow the chunks of another in one file. A chunk explains itself,
// and JMC and this package read each by its own word; but JDK 25's reader (ChunkParser) takes it that all
// chunks of a file are of one process:
//
// - it makes one TimeConverter of the first chunk and uses it for all that follow: with ticks of another
//   origin or rate it shows wrong times. So the ticks in every event are rewritten.
// - it keeps constants, and how to make objects of them, by type id and key: where an id or a key means
//   something else in the next chunk, it shows the constants of the one before, or fails. So the type ids
//   are moved to where no chunk before has any.
import { ByteCursor, ByteSink } from '@rekindle/bytes';
import type { Chunk } from '../chunk.ts';
import { type ChunkHeader, HEADER_SIZE, STATE_FINISHED } from '../header.ts';
import type { Leaf } from '../plan.ts';
import { skipValue } from '../skip.ts';
import type { ClassType } from '../type-model.ts';
import { openCheckpoint } from './checkpoint.ts';
import { ChunkCopy } from './chunk-copy.ts';
import { decodeElements, encodeElements, renumbered } from './metadata-elements.ts';
import { encodeMetadataEvent } from './metadata-writer.ts';
import type { RecordingSink } from './recording-sink.ts';

/** The clock of a chunk, as its header says it. */
export type Clock = Pick<ChunkHeader, 'startNanos' | 'startTicks' | 'ticksPerSecond'>;

const NANOS = 1_000_000_000n;
/** Longs that mean "for ever" or "not known", whatever the clock. */
const LONG_MIN = -(2n ** 63n);
const LONG_MAX = 2n ** 63n - 1n;

/** How far apart two clocks are at the start of `other`, in nanoseconds; undefined: other rates. */
export function clockDifference(clock: Clock, other: Clock): bigint | undefined {
  if (clock.ticksPerSecond !== other.ticksPerSecond) return undefined;
  const byTicks = ((other.startTicks - clock.startTicks) * NANOS) / clock.ticksPerSecond;
  const difference = other.startNanos - (clock.startNanos + byTicks);
  return difference < 0n ? -difference : difference;
}

/** What is to change in a chunk. */
export interface Adoption {
  /** The clock that the ticks are to be of. The chunk's start in nanoseconds stays. */
  readonly clock: Clock;
  /** Added to every type id. */
  readonly idDelta: number;
}

/** Writes a chunk with its ticks on another clock and with other type ids. */
export function adoptChunk(chunk: Chunk, { clock, idDelta }: Adoption, sink: RecordingSink): void {
  const { bytes, header } = chunk;
  const { layouts } = chunk.metadata;
  const ticks = new TickConverter(header, clock);
  const copy = new ChunkCopy(
    sink,
    {
      ...header,
      state: STATE_FINISHED,
      startTicks: ticks.moment(header.startTicks),
      ticksPerSecond: clock.ticksPerSecond,
    },
    chunk.types,
    idDelta,
  );
  const { content } = chunk.metadata;
  const types =
    idDelta === 0 ? content : encodeElements(renumbered(decodeElements(content), idDelta));
  copy.metadata(encodeMetadataEvent(ticks.moment(header.startTicks), types));
  // Walks the chunk once to see that it is whole: what follows relies on it.
  const known = chunk.eventIndex;
  const plans = new Map<number, readonly Change[]>();
  for (const [typeId] of known.entries()) {
    const type = typeId > 1 ? chunk.types.byId(typeId) : undefined;
    // a type that is not declared has no fields known to be ticks
    plans.set(typeId, type === undefined ? [] : changes(type, layouts.of(type).leaves, ticks));
  }
  const out = new ByteSink(1 << 16);
  for (let offset = HEADER_SIZE, end = offset; offset < bytes.length; offset = end) {
    const cursor = new ByteCursor(bytes, offset);
    end = offset + cursor.varint();
    const typeId = cursor.varint();
    if (typeId === 0) continue;
    if (typeId === 1) {
      const { ticks: at, mask, pools, error } = openCheckpoint(bytes, offset, layouts);
      if (error !== undefined) throw error;
      copy.checkpoint(bytes, ticks.moment(at), mask, pools);
      continue;
    }
    out.clear();
    const size = out.padded4(0);
    out.varint(typeId + idDelta);
    let copied = cursor.position;
    for (const { leaf, change } of plans.get(typeId) ?? []) {
      const from = cursor.position;
      if (change === undefined) {
        skipValue(leaf.op, layouts, cursor);
        continue;
      }
      const value = cursor.long();
      out.bytes(bytes.subarray(copied, from));
      out.long(change(value));
      copied = cursor.position;
    }
    out.bytes(bytes.subarray(copied, end));
    out.patchPadded4(size, out.length);
    copy.events(out.view());
  }
  copy.finish();

  function changes(type: ClassType, leaves: readonly Leaf[], on: TickConverter): readonly Change[] {
    const planned = leaves.map((leaf) => ({ leaf, change: changeOf(type, leaf, on) }));
    // what comes after the last change is copied as it is
    return planned.slice(0, planned.findLastIndex(({ change }) => change !== undefined) + 1);
  }

  function changeOf(type: ClassType, leaf: Leaf, on: TickConverter): Change['change'] {
    const { path, op, field } = leaf;
    if (op.kind !== 'long') return undefined;
    if (field.timespan === 'TICKS') return (value) => on.span(value);
    if (field.timestamp === 'TICKS' || path === 'startTime') return (value) => on.moment(value);
    // the one event that speaks of type ids
    if (type.name === 'jdk.ActiveSetting' && path === 'id') {
      return (value) => (chunk.types.byId(Number(value))?.event ? Number(value) + idDelta : value);
    }
    return undefined;
  }
}

/** A field of an event, and what becomes of its value; undefined: it stays. */
interface Change {
  readonly leaf: Leaf;
  readonly change: ((value: number | bigint) => number | bigint) | undefined;
}

class TickConverter {
  readonly #from: Clock;
  readonly #to: Clock;
  readonly #sameRate: boolean;
  /** What to add, where both clocks run at the same rate. */
  readonly #delta: bigint;

  constructor(from: Clock, to: Clock) {
    this.#from = from;
    this.#to = to;
    this.#sameRate = from.ticksPerSecond === to.ticksPerSecond;
    const start = to.startTicks + ((from.startNanos - to.startNanos) * to.ticksPerSecond) / NANOS;
    this.#delta = start - from.startTicks;
  }

  moment(ticks: number | bigint): bigint {
    const value = BigInt(ticks);
    if (value === LONG_MIN || value === LONG_MAX) return value;
    if (this.#sameRate) return value + this.#delta;
    return this.#from.startTicks + this.#delta + this.#scale(value - this.#from.startTicks);
  }

  span(ticks: number | bigint): bigint {
    const value = BigInt(ticks);
    if (this.#sameRate || value === LONG_MIN || value === LONG_MAX) return value;
    return this.#scale(value);
  }

  #scale(ticks: bigint): bigint {
    return (ticks * this.#to.ticksPerSecond) / this.#from.ticksPerSecond;
  }
}
