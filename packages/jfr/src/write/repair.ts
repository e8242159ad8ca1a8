// SPDX-License-Identifier: Apache-2.0
// Writes what is whole of a damaged recording into one that every reader takes: chunks with true sizes
// and pointers, finished; events and constants that decode; nothing invented.
import type { ByteSource } from '@rekindle/bytes';
import type { Chunk } from '../chunk.ts';
import { JfrError } from '../error.ts';
import type { ChunkHeader } from '../header.ts';
import type { Loss } from '../loss.ts';
import { openRecording } from '../recording.ts';
import { openCheckpoint } from './checkpoint.ts';
import { ChunkCopy } from './chunk-copy.ts';
import { type MendedMetadata, mendMetadata } from './mend-metadata.ts';
import { decodeElements, encodeElements } from './metadata-elements.ts';
import { encodeMetadataEvent } from './metadata-writer.ts';
import type { RecordingSink } from './recording-sink.ts';

export interface Repaired {
  /** Chunks written. */
  readonly chunks: number;
  /** Events written. */
  readonly events: number;
  /** What could not be read, and so is missing or was mended. Empty: there was no damage. */
  readonly losses: readonly Loss[];
}

/** Times beyond this (the year 2262) are damage: the JDK's arithmetic would overflow. */
const LAST_NANOS = 2n ** 63n - 1n;

/**
 * Salvages a recording into a sink. Never throws for what the source contains; a source without a
 * single readable chunk gives 0 chunks, and nothing is written.
 */
export async function repair(source: ByteSource, sink: RecordingSink): Promise<Repaired> {
  const recording = await openRecording(source, { mode: 'salvage' });
  let chunks = 0;
  let events = 0;
  let last = 0n;
  for await (const chunk of recording.chunks()) {
    // without types nothing can be said of its events
    if (chunk.eventTypes.length === 0) continue;
    const types = mendMetadata(decodeElements(chunk.metadata.content), (id) =>
      isReadable(chunk, id),
    );
    if (!chunk.eventTypes.some(({ id }) => types.classes.has(id))) continue;
    const kept: number[] = [];
    let end = chunk.header.startNanos;
    for (const event of chunk.events()) {
      if (!types.classes.has(event.type.id)) continue;
      kept.push(event.offset);
      if (event.endNanos > end && event.endNanos < LAST_NANOS) end = event.endNanos;
    }
    const { startNanos, durationNanos } = chunk.header;
    const started = startNanos > last ? startNanos : last + 1n;
    last = started;
    const known = durationNanos > 0n && durationNanos < LAST_NANOS ? durationNanos : 0n;
    const seen = end - startNanos;
    copyWhole(chunk, types, kept, sink, {
      startNanos: started,
      // a chunk that was never finished lasts until its last event
      durationNanos: chunk.header.state === 0 || known > seen ? known : seen,
    });
    chunks++;
    events += kept.length;
  }
  return { chunks, events, losses: recording.losses };
}

function isReadable(chunk: Chunk, id: number): boolean {
  const type = chunk.types.byId(id);
  try {
    return type !== undefined && chunk.metadata.layouts.of(type) !== undefined;
  } catch (error) {
    if (error instanceof JfrError) return false;
    throw error;
  }
}

function copyWhole(
  chunk: Chunk,
  types: MendedMetadata,
  events: readonly number[],
  sink: RecordingSink,
  times: Pick<ChunkHeader, 'startNanos' | 'durationNanos'>,
): void {
  const { bytes, header } = chunk;
  const { layouts } = chunk.metadata;
  const ticksPerSecond = header.ticksPerSecond > 0n ? header.ticksPerSecond : 1_000_000_000n;
  const copy = new ChunkCopy(
    sink,
    { ...header, major: 2, ticksPerSecond },
    {
      byName(name) {
        const type = chunk.types.byName(name);
        return type !== undefined && types.classes.has(type.id) ? type : undefined;
      },
    },
  );
  copy.metadata(encodeMetadataEvent(header.startTicks, encodeElements(types.root)));
  const checkpoints = Array.from(chunk.eventIndex.get(1)?.offsets ?? [], (offset) => {
    const opened = openCheckpoint(bytes, offset, layouts);
    const pools = opened.pools.filter(({ type }) => types.classes.has(type.id));
    return { ...opened, offset, pools };
  });
  copy.merge(bytes, events, checkpoints);
  copy.finish(times);
}
