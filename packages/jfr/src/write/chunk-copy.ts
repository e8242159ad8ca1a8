// SPDX-License-Identifier: Apache-2.0
// Writes a chunk that is made of the pieces of another: metadata, checkpoints chained anew, events.
import { ByteSink } from '@rekindle/bytes';
import {
  type ChunkHeader,
  encodeHeader,
  FLAG_COMPRESSED,
  FLAG_FINAL,
  HEADER_SIZE,
  STATE_FINISHED,
} from '../header.ts';
import { payload } from '../sink.ts';
import {
  type CheckpointContent,
  encodeCheckpoint,
  type OpenedCheckpoint,
  type PoolPart,
} from './checkpoint.ts';
import type { RecordingSink } from './recording-sink.ts';

/** State of the header until the copy is complete, so that a torn copy is not taken for whole. */
const STATE_WRITING = 1;
const CHUNK_HEADER = 'jdk.types.ChunkHeader';
const MASK_CHUNK_HEADER = 2;
/** Appends below this many bytes are gathered. */
const BUFFER = 1 << 20;

/** The classes that the copy declares. */
export interface CopiedTypes {
  byName(name: string): { readonly id: number } | undefined;
}

export class ChunkCopy {
  readonly #sink: RecordingSink;
  readonly #base: number;
  readonly #header: ChunkHeader;
  readonly #types: CopiedTypes;
  readonly #idDelta: number;
  readonly #buffer: ByteSink = new ByteSink(BUFFER);
  #metadataPosition = 0;
  #lastCheckpoint = 0;

  /**
   * Begins a copy at the end of the sink; the header's clock and flags are taken over. `idDelta` is added
   * to the type ids of pools. `types` are those of the chunk that is copied.
   */
  constructor(sink: RecordingSink, header: ChunkHeader, types: CopiedTypes, idDelta = 0) {
    this.#sink = sink;
    this.#base = sink.length;
    this.#header = header;
    this.#types = types;
    this.#idDelta = idDelta;
    this.#buffer.bytes(
      encodeHeader({
        ...header,
        size: HEADER_SIZE,
        constantPoolPosition: 0,
        metadataPosition: 0,
        state: STATE_WRITING,
      }),
    );
  }

  /** Length of the copy so far, in bytes. */
  get length(): number {
    return this.#sink.length - this.#base + this.#buffer.length;
  }

  /** Appends a metadata event, whole; the last one counts. */
  metadata(event: Uint8Array): void {
    this.#metadataPosition = this.length;
    this.#append(event);
  }

  /** Appends events, whole. */
  events(bytes: Uint8Array): void {
    this.#append(bytes);
  }

  /**
   * Appends events and checkpoints of the chunk `bytes` in the order of their offsets; both lists are
   * sorted by them. So what was before a checkpoint stays before it.
   */
  merge(
    bytes: Uint8Array,
    events: readonly number[],
    checkpoints: Iterable<OpenedCheckpoint & { readonly offset: number }>,
  ): void {
    let next = 0;
    const eventsBefore = (limit: number): void => {
      while (next < events.length && events[next]! < limit) {
        const from = events[next]!;
        let { limit: end } = payload(bytes, events[next++]!);
        // neighbours go together
        while (events[next] === end) end = payload(bytes, events[next++]!).limit;
        this.events(bytes.subarray(from, end));
      }
    };
    for (const { offset, ticks, mask, pools } of checkpoints) {
      eventsBefore(offset);
      this.checkpoint(bytes, ticks, mask, pools);
    }
    eventsBefore(bytes.length);
  }

  /**
   * Appends a checkpoint of the entries given; empty pools, and copies of the header, are left out, and
   * nothing is written when nothing is left. `bytes` is the chunk the entries are in.
   */
  checkpoint(
    bytes: Uint8Array,
    ticks: number | bigint,
    mask: number,
    parts: readonly PoolPart[],
  ): void {
    const pools = new ByteSink(4096);
    let poolCount = 0;
    for (const { type, entries } of parts) {
      if (entries.length === 0 || type.name === CHUNK_HEADER) continue;
      poolCount++;
      pools.varint(type.id + this.#idDelta);
      pools.varint(entries.length);
      for (const { key, start, end } of entries) {
        pools.long(key);
        pools.bytes(bytes.subarray(start, end));
      }
    }
    if (poolCount === 0) return;
    this.#checkpoint({ ticks, mask: mask & ~MASK_CHUNK_HEADER, poolCount, pools: pools.view() });
  }

  /** Completes the header. The given values replace those of the chunk that was copied. */
  finish(changes: Partial<Pick<ChunkHeader, 'startNanos' | 'durationNanos'>> = {}): void {
    if (this.#lastCheckpoint === 0) this.#checkpoint(this.#headerPool());
    const header = encodeHeader({
      ...this.#header,
      ...changes,
      size: this.length,
      constantPoolPosition: this.#lastCheckpoint,
      metadataPosition: this.#metadataPosition,
      state: STATE_FINISHED,
      flags: (this.#header.flags & FLAG_FINAL) | FLAG_COMPRESSED,
    });
    this.#drain();
    this.#sink.patch(this.#base, header);
  }

  /**
   * A chunk without any constant needs a checkpoint all the same: after the first chunk, the JDK's
   * reader fails on a constant pool position of 0. A copy of the header is what HotSpot would write.
   */
  #headerPool(): CheckpointContent {
    const ticks = this.#header.startTicks;
    const type = this.#types.byName(CHUNK_HEADER);
    const pools = new ByteSink(HEADER_SIZE + 16);
    if (type === undefined) return { ticks, mask: 0, poolCount: 0, pools: pools.view() };
    pools.varint(type.id + this.#idDelta);
    pools.varint(1);
    pools.varint(1);
    pools.varint(HEADER_SIZE);
    pools.bytes(encodeHeader({ ...this.#header, state: STATE_FINISHED }));
    return { ticks, mask: MASK_CHUNK_HEADER, poolCount: 1, pools: pools.view() };
  }

  #checkpoint(content: CheckpointContent): void {
    const at = this.length;
    this.#append(encodeCheckpoint(at, this.#lastCheckpoint, content));
    this.#lastCheckpoint = at;
  }

  #append(bytes: Uint8Array): void {
    if (this.#buffer.length + bytes.length > BUFFER) this.#drain();
    if (bytes.length > BUFFER) this.#sink.append(bytes);
    else this.#buffer.bytes(bytes);
  }

  #drain(): void {
    if (this.#buffer.length > 0) this.#sink.append(this.#buffer.view());
    this.#buffer.clear();
  }
}
