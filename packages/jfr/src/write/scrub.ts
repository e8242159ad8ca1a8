// SPDX-License-Identifier: Apache-2.0
// Takes events out of a recording, and with them every constant that nothing else refers to: what was
// only in the events removed is in no byte of the result. As `jfr scrub` of JDK 25 does.
import type { ByteSource } from '@rekindle/bytes';
import type { Chunk } from '../chunk.ts';
import { openRecording } from '../recording.ts';
import type { ClassType } from '../type-model.ts';
import { isStruct, type Struct, type Value } from '../value.ts';
import { openCheckpoint } from './checkpoint.ts';
import { ChunkCopy } from './chunk-copy.ts';
import { encodeMetadataEvent } from './metadata-writer.ts';
import type { RecordingSink } from './recording-sink.ts';
import { UsedConstants } from './references.ts';

export interface ScrubFilter {
  /** Which event types stay; default: all. */
  readonly event?: (type: ClassType) => boolean;
  /**
   * Whose events stay, by `eventThread`; asked once per thread, and with null for events that have no
   * such field, or a thread without a Java name in it. (The JDK: included threads are not null, excluded
   * ones are; a sample's `sampledThread` counts for neither.)
   */
  readonly thread?: (thread: Struct | null) => boolean;
}

/** How many events of a type there were, and how many went. */
export interface Scrubbed {
  readonly type: string;
  readonly events: number;
  readonly removed: number;
}

/** Copies a recording without the events that a filter refuses. Throws JfrError on damage. */
export async function scrub(
  source: ByteSource,
  sink: RecordingSink,
  filter: ScrubFilter,
): Promise<readonly Scrubbed[]> {
  const counts = new Map<string, { events: number; removed: number }>();
  const recording = await openRecording(source);
  for await (const chunk of recording.chunks()) {
    for (const type of chunk.eventTypes) {
      const events = chunk.eventIndex.get(type.id)?.count ?? 0;
      const kept = scrubbedOffsets(chunk, type, filter).length;
      const count = counts.get(type.name) ?? { events: 0, removed: 0 };
      count.events += events;
      count.removed += events - kept;
      counts.set(type.name, count);
    }
    scrubChunk(chunk, sink, filter);
  }
  return [...counts].map(([type, count]) => ({ type, ...count }));
}

function scrubbedOffsets(chunk: Chunk, type: ClassType, filter: ScrubFilter): ArrayLike<number> {
  if (filter.event?.(type) === false) return [];
  const all = chunk.eventIndex.get(type.id)?.offsets ?? [];
  const { thread } = filter;
  if (thread === undefined || all.length === 0) return all;
  if (!type.fields.some(({ name }) => name === 'eventThread')) return thread(null) ? all : [];
  const column = chunk.columns(type.name, ['eventThread']).get('eventThread');
  const answers = new Map<Value, boolean>();
  const kept: number[] = [];
  for (let row = 0; row < all.length; row++) {
    const value = column.get(row);
    let answer = answers.get(value);
    if (answer === undefined) {
      answer = thread(isStruct(value) && typeof value.javaName === 'string' ? value : null);
      answers.set(value, answer);
    }
    if (answer) kept.push(all[row]!);
  }
  return kept;
}

function scrubChunk(chunk: Chunk, sink: RecordingSink, filter: ScrubFilter): void {
  const { bytes, header } = chunk;
  const { layouts } = chunk.metadata;
  const checkpoints = Array.from(chunk.eventIndex.get(1)?.offsets ?? [], (offset) => ({
    offset,
    ...openCheckpoint(bytes, offset, layouts),
  }));
  const used = new UsedConstants(chunk, checkpoints);
  const kept: number[] = [];
  for (const type of chunk.eventTypes) {
    const offsets = scrubbedOffsets(chunk, type, filter);
    for (let index = 0; index < offsets.length; index++) {
      kept.push(offsets[index]!);
      used.addEvent(type, offsets[index]!);
    }
  }
  const copy = new ChunkCopy(sink, header, chunk.types);
  copy.metadata(encodeMetadataEvent(header.startTicks, chunk.metadata.content));
  kept.sort((a, b) => a - b);
  const touched = checkpoints.map((checkpoint) => {
    if (checkpoint.error !== undefined) throw checkpoint.error;
    const pools = checkpoint.pools.map(({ type, entries }) => ({
      type,
      entries: entries.filter(({ key }) => used.has(type, key)),
    }));
    return { ...checkpoint, pools };
  });
  copy.merge(bytes, kept, touched);
  copy.finish();
}
