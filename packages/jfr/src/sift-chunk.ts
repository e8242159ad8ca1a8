// SPDX-License-Identifier: Apache-2.0
// Takes from a chunk what a question needs - the events of some types, the checkpoints, the metadata -
// and leaves the rest in the file.
import { ByteError, type ByteSource } from '@rekindle/bytes';
import { Arena, takeAway } from './arena.ts';
import { JfrError } from './error.ts';
import type { ChunkPlace } from './find-chunks.ts';
import { HEADER_SIZE } from './header.ts';
import { readCheckpointHead } from './pool.ts';
import { type EventBatch, largeTypeId, type ScanStop } from './scan.ts';
import { batchScanner, type Scanner, scanSource } from './scan-source.ts';
import { COMMON_TYPE_IDS, ScanMemory } from './scan-wasm.ts';

/** What the table says of a type: kept, or kept and its place noted (metadata, checkpoints). */
const KEPT = 1;
const NOTED = 2;
/** Stands for "after the last event of the batch": no type has this id. */
const END: number = Number.MAX_SAFE_INTEGER;

/** A part of a chunk's bytes, packed: the header, then the events kept. */
export interface SiftedBytes {
  readonly bytes: Uint8Array;
  /** Where the metadata came to lie. */
  readonly metadataPosition: number;
  /** Where in the chunk a byte was. */
  origin(offset: number): number;
  /** There with `reuse`: memory for what is found out about the chunk. */
  readonly arena?: Arena;
  /** There with `reuse`: all views of `bytes`, and what the arena gave, become empty. */
  release?(): void;
}

export interface SiftOptions {
  /** The bytes may be in memory that is to be given back by `release`. */
  readonly reuse?: boolean;
  /** Bytes of the source in memory at a time. */
  readonly window?: number;
}

/** Reads the events of these types, the checkpoints and the metadata. Strict: throws at any damage. */
export async function siftChunk(
  source: ByteSource,
  place: ChunkPlace,
  typeIds: ReadonlySet<number>,
  options: SiftOptions = {},
): Promise<SiftedBytes> {
  const memory = ScanMemory.take();
  try {
    return await sift(source, place, typeIds, memory, options);
  } finally {
    memory?.release();
  }
}

async function sift(
  source: ByteSource,
  place: ChunkPlace,
  typeIds: ReadonlySet<number>,
  memory: ScanMemory | undefined,
  { reuse = false, window }: SiftOptions,
): Promise<SiftedBytes> {
  const { index, offset: base, header } = place;
  const kept = new Packer();
  kept.add(await source.slice(base, base + HEADER_SIZE), 0, HEADER_SIZE, 0);
  let metadataPosition = 0;
  const checkpoints = new Map<number, number>();
  const table = new Uint8Array(COMMON_TYPE_IDS);
  table[0] = table[1] = NOTED;
  for (const typeId of typeIds) if (typeId < COMMON_TYPE_IDS) table[typeId] ||= KEPT;
  memory?.table.set(table);
  const note = (bytes: Uint8Array, batch: EventBatch, at: number): void => {
    const { offsets, typeIds: types, count } = batch;
    let from = -1;
    for (let row = 0; row <= count; row++) {
      let typeId = row === count ? END : types[row]!;
      if (typeId < 0) typeId = largeTypeId(bytes, offsets[row]!);
      const wanted = typeId < COMMON_TYPE_IDS ? table[typeId] !== 0 : typeIds.has(typeId);
      if (wanted && from < 0) from = row;
      if (!wanted && from >= 0) {
        kept.add(bytes, offsets[from]!, offsets[row]!, at - base + offsets[from]!);
        from = -1;
      }
      if (!wanted || typeId > 1) continue;
      const original = at - base + offsets[row]!;
      const packed = kept.length + offsets[row]! - offsets[from]!;
      if (typeId === 1) checkpoints.set(original, packed);
      else if (original === header.metadataPosition) metadataPosition = packed;
    }
  };
  // one that WebAssembly leaves, and then that goes on
  const others = batchScanner(note, memory && 1);
  const scanner: Scanner = {
    get stop(): ScanStop | undefined {
      return others.stop;
    },
    scan(bytes, start, end, at): number {
      let position = start;
      while (memory?.has(bytes)) {
        const from = memory.walk(bytes, position, end, 0);
        const to = memory.walk(bytes, from, end, KEPT);
        if (to > from) kept.add(bytes, from, to, at - base + from);
        if (to === position) break;
        position = to;
      }
      // one to be noted, of another form, or not whole
      return others.scan(bytes, position, end, at);
    },
  };
  const stop = await scanSource(
    source,
    base + HEADER_SIZE,
    base + place.bytes,
    scanner,
    memory,
    window,
  );
  if (stop !== undefined) {
    throw new JfrError(stop.code, stop.reason, { chunk: index, offset: stop.offset });
  }
  const bytes = reuse ? kept.bytes : kept.finish();
  checkChain(bytes, checkpoints, place);
  if (metadataPosition === 0) {
    const reason = `no metadata at ${header.metadataPosition}`;
    throw new JfrError('JFR_BAD_POINTER', reason, { chunk: index, offset: base + 24 });
  }
  return {
    bytes,
    metadataPosition,
    origin: (offset) => kept.origin(offset),
    ...(reuse ? reusable(kept) : {}),
  };
}

function reusable(kept: Packer): Pick<SiftedBytes, 'arena' | 'release'> {
  const arena = new Arena();
  const release = (): void => {
    kept.release();
    arena.release();
  };
  return { arena, release };
}

/** As followChain, for checkpoints that have moved. */
function checkChain(
  bytes: Uint8Array,
  checkpoints: ReadonlyMap<number, number>,
  { index, offset, header }: ChunkPlace,
): void {
  const seen = new Set<number>();
  let at = header.constantPoolPosition;
  while (at !== 0) {
    const packed = checkpoints.get(at);
    const place = { chunk: index, offset: offset + at };
    if (packed === undefined) {
      throw new JfrError('JFR_BAD_POINTER', `no checkpoint at ${at}`, place);
    }
    if (seen.has(at)) {
      throw new JfrError('JFR_CYCLIC_CHECKPOINTS', 'checkpoints point in a circle', place);
    }
    seen.add(at);
    try {
      const { delta } = readCheckpointHead(bytes, packed);
      if (delta === 0) return;
      at += delta;
    } catch (error) {
      if (!(error instanceof ByteError || error instanceof JfrError)) throw error;
      throw new JfrError('JFR_BAD_CHECKPOINT', error.message, place);
    }
  }
}

/** One that has been used is kept for the next, unless it has become larger than this. */
const KEEP_BYTES: number = 4 << 20;
let idle: Uint8Array | undefined;

/** Bytes put together from pieces, with where each came from. */
class Packer {
  length = 0;
  #bytes: Uint8Array;
  readonly #starts: number[] = [];
  readonly #origins: number[] = [];

  constructor() {
    this.#bytes = idle ?? new Uint8Array(1 << 20);
    idle = undefined;
  }

  add(bytes: Uint8Array, start: number, end: number, origin: number): void {
    const length = this.length + end - start;
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(length, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, this.length));
      this.#bytes = grown;
    }
    this.#bytes.set(bytes.subarray(start, end), this.length);
    this.#starts.push(this.length);
    this.#origins.push(origin);
    this.length = length;
  }

  /** The bytes where they were put together. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  /** The bytes for good. Nothing can be added any more. */
  finish(): Uint8Array {
    const bytes = this.#bytes.slice(0, this.length);
    if (this.#bytes.length <= KEEP_BYTES) idle = this.#bytes;
    return bytes;
  }

  /** Takes the memory from under whoever still has the bytes: they find none, not those of the next. */
  release(): void {
    const moved = takeAway(this.#bytes.buffer as ArrayBuffer);
    if (moved.byteLength <= KEEP_BYTES) idle = new Uint8Array(moved);
  }

  origin(offset: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return (this.#origins[low] ?? 0) + offset - (this.#starts[low] ?? 0);
  }
}
