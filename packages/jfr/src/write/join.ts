// SPDX-License-Identifier: Apache-2.0
import type { ByteSource } from '@rekindle/bytes';
import { JfrError } from '../error.ts';
import { type ChunkHeader, decodeHeader, HEADER_SIZE, STATE_FINISHED } from '../header.ts';
import type { RecordingSink } from './recording-sink.ts';

/** Offset of startNanos in the header, for {@link joinRecordings}. */
const START_NANOS_OFFSET = 32;
const COPY = 4 << 20;

interface FoundChunk {
  readonly source: ByteSource;
  readonly offset: number;
  readonly header: ChunkHeader;
}

/**
 * Writes the chunks of several recordings into one, ordered by their start. Where two chunks started in
 * the same nanosecond, the later one gets the next nanosecond, because JMC drops one of two equals;
 * nothing else changes. A chunk that is not finished, or not whole, throws (`JFR_UNFINISHED_CHUNK`,
 * `JFR_TRUNCATED`), before anything has been written. Returns the number of chunks.
 */
export async function joinRecordings(
  sources: Iterable<ByteSource>,
  sink: RecordingSink,
): Promise<number> {
  const chunks: FoundChunk[] = [];
  for (const source of sources) chunks.push(...(await finishedChunks(source)));
  chunks.sort((a, b) => compare(a.header.startNanos, b.header.startNanos));
  let last: bigint | undefined;
  for (const { source, offset, header } of chunks) {
    const start = last !== undefined && header.startNanos <= last ? last + 1n : header.startNanos;
    last = start;
    const base = sink.length;
    for (let from = 0; from < header.size; from += COPY) {
      const until = Math.min(header.size, from + COPY);
      sink.append(await source.slice(offset + from, offset + until));
    }
    if (start !== header.startNanos) {
      const bytes = new Uint8Array(8);
      new DataView(bytes.buffer).setBigInt64(0, start);
      sink.patch(base + START_NANOS_OFFSET, bytes);
    }
  }
  return chunks.length;
}

async function finishedChunks(source: ByteSource): Promise<FoundChunk[]> {
  const chunks: FoundChunk[] = [];
  for (let offset = 0; offset < source.byteLength; ) {
    const place = { chunk: chunks.length, offset };
    const head = await source.slice(offset, Math.min(source.byteLength, offset + HEADER_SIZE));
    const header = decodeHeader(head, 0, offset);
    if (header.state !== STATE_FINISHED) {
      throw new JfrError(
        'JFR_UNFINISHED_CHUNK',
        'the chunk is still being written, or its writer died',
        place,
        'stop the recording first; `rekindle jfr repair` completes what a dead writer left',
      );
    }
    if (header.size < HEADER_SIZE) {
      throw new JfrError('JFR_CORRUPT', `a chunk of ${header.size} bytes`, place);
    }
    if (offset + header.size > source.byteLength) {
      throw new JfrError(
        'JFR_TRUNCATED',
        `the chunk says ${header.size} bytes, ${source.byteLength - offset} are there`,
        place,
        '`rekindle jfr repair` keeps what is whole',
      );
    }
    chunks.push({ source, offset, header });
    offset += header.size;
  }
  return chunks;
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
