// SPDX-License-Identifier: Apache-2.0
import type { ByteSource } from '@rekindle/bytes';
import type { Chunk } from '../chunk.ts';
import { JfrError } from '../error.ts';
import { type ChunkHeader, decodeHeader, HEADER_SIZE, STATE_FINISHED } from '../header.ts';
import { openRecording } from '../recording.ts';
import { adoptChunk, clockDifference } from './adopt.ts';
import type { RecordingSink } from './recording-sink.ts';

/** Offset of startNanos in the header, for {@link joinRecordings}. */
const START_NANOS_OFFSET = 32;
const COPY = 4 << 20;

interface FoundChunk {
  readonly source: ByteSource;
  readonly offset: number;
  readonly header: ChunkHeader;
}

export interface JoinOptions {
  /**
   * `many` (the default): each source is of another process. Chunks that the JDK's reader would
   * misread after those before them (see adopt.ts) are rewritten: another clock, other type ids.
   * `one`: all are of one process, as the files of a repository are; every chunk keeps its bytes.
   */
  readonly processes?: 'many' | 'one';
}

/** Two readings of the same pair of clocks differ by microseconds, those of two machines by years. */
const TOLERANCE = 1_000_000n;

/**
 * Writes the chunks of several recordings into one, ordered by their start. Where two chunks started in
 * the same nanosecond, the later one gets the next nanosecond, because JMC drops one of two equals. A
 * chunk that is not finished, or not whole, throws (`JFR_UNFINISHED_CHUNK`, `JFR_TRUNCATED`), before
 * anything has been written. Returns the number of chunks.
 */
export async function joinRecordings(
  sources: Iterable<ByteSource>,
  sink: RecordingSink,
  { processes = 'many' }: JoinOptions = {},
): Promise<number> {
  const chunks: FoundChunk[] = [];
  for (const source of sources) chunks.push(...(await finishedChunks(source)));
  chunks.sort((a, b) => compare(a.header.startNanos, b.header.startNanos));
  const first = chunks[0]?.header;
  const ids = new TypeIds();
  let last: bigint | undefined;
  for (const chunk of chunks) {
    const { header, source } = chunk;
    const start = last !== undefined && header.startNanos <= last ? last + 1n : header.startNanos;
    last = start;
    const base = sink.length;
    if (processes === 'one' || first === undefined || chunks.length === 1) {
      await copyChunk(chunk, sink);
    } else {
      const read = await wholeChunk(chunk);
      const idDelta = ids.deltaOf(source, read);
      const apart = clockDifference(first, header);
      if (idDelta !== 0 || apart === undefined || apart > TOLERANCE) {
        adoptChunk(read, { clock: first, idDelta }, sink);
      } else sink.append(read.bytes);
    }
    if (start !== header.startNanos) {
      const bytes = new Uint8Array(8);
      new DataView(bytes.buffer).setBigInt64(0, start);
      sink.patch(base + START_NANOS_OFFSET, bytes);
    }
  }
  return chunks.length;
}

/** Which source uses which type ids for its constants, and how far those of a source are to be moved. */
class TypeIds {
  readonly #owners: Map<number, ByteSource> = new Map();
  readonly #deltas: Map<ByteSource, number> = new Map();
  #highest = 0;

  /** What to add to the type ids of a chunk so that no chunk of another source has them. */
  deltaOf(source: ByteSource, chunk: Chunk): number {
    const pooled = chunk.types.classes.filter(({ superType }) => superType === undefined);
    let delta = this.#deltas.get(source);
    if (delta === undefined) {
      const taken = pooled.some(({ id }) => this.#owners.has(id));
      delta = taken ? this.#highest + 1 : 0;
      this.#deltas.set(source, delta);
    }
    for (const { id } of pooled) this.#owners.set(id + delta, source);
    for (const { id } of chunk.types.classes) this.#highest = Math.max(this.#highest, id + delta);
    return delta;
  }
}

async function copyChunk(
  { source, offset, header }: FoundChunk,
  sink: RecordingSink,
): Promise<void> {
  for (let from = 0; from < header.size; from += COPY) {
    const until = Math.min(header.size, from + COPY);
    sink.append(await source.slice(offset + from, offset + until));
  }
}

async function wholeChunk({ source, offset, header }: FoundChunk): Promise<Chunk> {
  const recording = await openRecording(await source.slice(offset, offset + header.size));
  return recording.chunk(0);
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
