// SPDX-License-Identifier: Apache-2.0
// Writes chunks onto a sink, so that they can be followed while they grow.
//
//   header (68) · metadata · statics · threads · { events · checkpoints · [metadata] · ChunkHeader }…
//
// The `delta` of a checkpoint (checkpoint.ts) leads to the one before it in the chunk, and the header
// points at the last. Every flush ends with a checkpoint that holds a copy of the header as it is then:
// remote followers see nothing else. After it the header itself is rewritten in three steps, so that a
// reader never takes a torn one for whole: guard byte 255, the fields, the next generation.
// Source: jfrChunkWriter.cpp (JDK 17, 25), jdk.jfr.internal.consumer.ChunkHeader.refresh.
import { ByteSink } from '@rekindle/bytes';
import { JfrError } from '../error.ts';
import {
  encodeHeader,
  FLAG_COMPRESSED,
  FLAG_FINAL,
  HEADER_SIZE,
  MAX_GENERATION,
  STATE_FINISHED,
  STATE_OFFSET,
  STATE_UPDATING,
  UPDATE_OFFSET,
} from '../header.ts';
import { encodeCheckpoint } from './checkpoint.ts';
import type { ConstantPools } from './constant-pools.ts';
import { encodeMetadata } from './metadata-writer.ts';
import type { RecordingSink } from './recording-sink.ts';
import type { EventRegistry } from './registry.ts';

const MASK_FLUSH = 1;
const MASK_CHUNK_HEADER = 2;
const NANOS = 1_000_000_000n;
const GUARD = Uint8Array.of(STATE_UPDATING);

export interface ChunkClock {
  /** Wall clock at the chunk's start, nanoseconds since 1970. */
  readonly startNanos: bigint;
  /** Tick value at the same moment. */
  readonly startTicks: number | bigint;
  /** Default 10^9: ticks are nanoseconds. */
  readonly ticksPerSecond?: bigint;
}

export interface FinishOptions {
  /** Next chunk's startNanos less this one's, to the nanosecond; followers look for it there. */
  readonly durationNanos: bigint;
  /** No chunk follows: ends `EventStream.openRepository` at the other side. */
  readonly final: boolean;
  /** Ticks of the closing checkpoint. Default: from the duration. */
  readonly ticks?: number | bigint;
}

export interface ChunkWriterOptions {
  readonly locale?: string;
  /** Milliseconds from UTC to local time. Default: this machine's, now. */
  readonly gmtOffset?: number;
}

interface OpenChunk {
  readonly sink: RecordingSink;
  /** Offset of the chunk in its sink. */
  readonly base: number;
  readonly startNanos: bigint;
  readonly startTicks: bigint;
  readonly ticksPerSecond: bigint;
  metadataPosition: number;
  metadataVersion: number;
  lastCheckpoint: number;
  generation: number;
  /** Length of the chunk at the last flush, and the time it covered. */
  published: number;
  publishedNanos: bigint;
}

/** Writes one chunk after another; begins an epoch of the constant pools with each. */
export class ChunkWriter {
  readonly #registry: EventRegistry;
  readonly #pools: ConstantPools;
  readonly #options: ChunkWriterOptions;
  #chunk: OpenChunk | undefined;
  #lastStart = 0n;

  constructor(registry: EventRegistry, pools: ConstantPools, options: ChunkWriterOptions = {}) {
    this.#registry = registry;
    this.#pools = pools;
    this.#options = options;
  }

  get open(): boolean {
    return this.#chunk !== undefined;
  }

  /** Length of the open chunk in bytes; 0 when none is open. */
  get length(): number {
    return this.#chunk === undefined ? 0 : this.#chunk.sink.length - this.#chunk.base;
  }

  /** What followers of the open chunk see: its bytes and time up to the last flush. */
  get published(): { readonly bytes: number; readonly durationNanos: bigint } {
    const { published, publishedNanos } = this.#opened();
    return { bytes: published, durationNanos: publishedNanos };
  }

  /** `startNanos` of the open chunk, as written. */
  get startNanos(): bigint {
    return this.#opened().startNanos;
  }

  /**
   * Begins a chunk at the end of the sink: header, metadata, statics and threads. Nothing of it is
   * visible to a follower before the first flush. Returns the start time written, which is the one
   * given or, where that is not after the previous chunk's, the nanosecond after it: equal start times
   * make JMC drop a chunk.
   */
  begin(sink: RecordingSink, clock: ChunkClock): bigint {
    if (this.#chunk !== undefined) {
      throw new JfrError('JFR_WRONG_STATE', 'a chunk is open already', {}, 'finish it first');
    }
    const startNanos = clock.startNanos > this.#lastStart ? clock.startNanos : this.#lastStart + 1n;
    this.#lastStart = startNanos;
    const chunk: OpenChunk = {
      sink,
      base: sink.length,
      startNanos,
      startTicks: BigInt(clock.startTicks),
      ticksPerSecond: clock.ticksPerSecond ?? NANOS,
      metadataPosition: 0,
      metadataVersion: -1,
      lastCheckpoint: 0,
      generation: 1,
      published: 0,
      publishedNanos: 0n,
    };
    this.#chunk = chunk;
    this.#pools.beginEpoch();
    sink.append(
      encodeHeader({
        ...this.#header(chunk, 0n),
        size: HEADER_SIZE,
        state: chunk.generation,
        flags: FLAG_COMPRESSED,
      }),
    );
    this.#metadata(chunk);
    this.#checkpoints(chunk, chunk.startTicks);
    return startNanos;
  }

  /** Appends events that an encoder of the same registry made: whole ones. */
  appendEvents(events: Uint8Array): void {
    this.#opened().sink.append(events);
  }

  /**
   * Makes everything appended so far visible to followers. `ticks` is the present. False, and nothing
   * written, when nothing has happened since the last flush.
   */
  flush(ticks: number | bigint): boolean {
    const chunk = this.#opened();
    const stale = chunk.metadataVersion !== this.#registry.version;
    if (this.length === chunk.published && !stale && !this.#pools.hasPending) return false;
    const now = BigInt(ticks);
    this.#metadata(chunk);
    this.#checkpoints(chunk, now);
    chunk.generation = chunk.generation === MAX_GENERATION ? 1 : chunk.generation + 1;
    const elapsed = now > chunk.startTicks ? now - chunk.startTicks : 0n;
    this.#publish(chunk, now, {
      durationNanos: (elapsed * NANOS) / chunk.ticksPerSecond,
      mask: MASK_FLUSH | MASK_CHUNK_HEADER,
      state: chunk.generation,
      flags: FLAG_COMPRESSED,
    });
    return true;
  }

  /** Completes the chunk: state 0. The sink stays open, for another chunk or for its owner to close. */
  finish(options: FinishOptions): void {
    const chunk = this.#opened();
    const ticks =
      options.ticks ?? chunk.startTicks + (options.durationNanos * chunk.ticksPerSecond) / NANOS;
    this.#metadata(chunk);
    this.#checkpoints(chunk, BigInt(ticks));
    this.#publish(chunk, BigInt(ticks), {
      durationNanos: options.durationNanos,
      mask: MASK_CHUNK_HEADER,
      state: STATE_FINISHED,
      flags: options.final ? FLAG_COMPRESSED | FLAG_FINAL : FLAG_COMPRESSED,
    });
    this.#chunk = undefined;
  }

  #opened(): OpenChunk {
    if (this.#chunk === undefined) throw new JfrError('JFR_WRONG_STATE', 'no chunk is open');
    return this.#chunk;
  }

  #header(
    chunk: OpenChunk,
    durationNanos: bigint,
  ): Omit<Parameters<typeof encodeHeader>[0], 'size' | 'state' | 'flags'> {
    return {
      major: 2,
      minor: 1,
      constantPoolPosition: chunk.lastCheckpoint,
      metadataPosition: chunk.metadataPosition,
      startNanos: chunk.startNanos,
      durationNanos,
      startTicks: chunk.startTicks,
      ticksPerSecond: chunk.ticksPerSecond,
    };
  }

  /** Writes the metadata, unless what this chunk has is still true. */
  #metadata(chunk: OpenChunk): void {
    if (chunk.metadataVersion === this.#registry.version) return;
    const { locale, gmtOffset = -new Date().getTimezoneOffset() * 60_000 } = this.#options;
    chunk.metadataVersion = this.#registry.version;
    chunk.metadataPosition = this.length;
    chunk.sink.append(
      encodeMetadata(this.#registry, {
        startTicks: chunk.startTicks,
        gmtOffset,
        ...(locale === undefined ? {} : { locale }),
      }),
    );
  }

  #checkpoints(chunk: OpenChunk, ticks: bigint): void {
    this.#pools.takePending((mask, poolCount, pools) => {
      this.#checkpoint(chunk, ticks, mask, poolCount, pools);
    });
  }

  #checkpoint(
    chunk: OpenChunk,
    ticks: bigint,
    mask: number,
    poolCount: number,
    pools: Uint8Array,
  ): void {
    const at = this.length;
    const content = { ticks, mask, poolCount, pools };
    chunk.sink.append(encodeCheckpoint(at, chunk.lastCheckpoint, content));
    chunk.lastCheckpoint = at;
  }

  /** The ChunkHeader checkpoint, then the header itself under the guard. */
  #publish(
    chunk: OpenChunk,
    ticks: bigint,
    update: { durationNanos: bigint; mask: number; state: number; flags: number },
  ): void {
    const at = this.length;
    const header = (size: number): Uint8Array =>
      encodeHeader({
        ...this.#header(chunk, update.durationNanos),
        constantPoolPosition: at,
        size,
        state: update.state,
        flags: update.flags,
      });
    const pool = (size: number): Uint8Array => {
      const sink = new ByteSink(HEADER_SIZE + 16);
      sink.varint(this.#registry.idOf('jdk.types.ChunkHeader'));
      sink.varint(1);
      sink.varint(1);
      sink.varint(HEADER_SIZE);
      sink.bytes(header(size));
      return sink.copy();
    };
    // The copy says how long the chunk is with the copy in it: measured first, then written.
    const content = { ticks, mask: update.mask, poolCount: 1, pools: pool(0) };
    const { length } = encodeCheckpoint(at, chunk.lastCheckpoint, content);
    this.#checkpoint(chunk, ticks, update.mask, 1, pool(at + length));
    const bytes = header(this.length);
    const { sink, base } = chunk;
    sink.patch(base + STATE_OFFSET, GUARD);
    sink.patch(base + UPDATE_OFFSET, bytes.subarray(UPDATE_OFFSET, STATE_OFFSET));
    sink.patch(base + STATE_OFFSET, bytes.subarray(STATE_OFFSET));
    chunk.published = this.length;
    chunk.publishedNanos = update.durationNanos;
  }
}
