// SPDX-License-Identifier: Apache-2.0
// Counts the events of a chunk by type, without keeping where they are.
import type { ByteSource } from '@rekindle/bytes';
import { JfrError } from './error.ts';
import type { ChunkPlace } from './find-chunks.ts';
import { HEADER_SIZE } from './header.ts';
import { EventBatch, largeTypeId, type ScanStop, scanEvents } from './scan.ts';
import { type Scanner, scanSource } from './scan-source.ts';
import { ScanMemory } from './scan-wasm.ts';

export interface TypeCount {
  readonly typeId: number;
  readonly count: number;
  /** Sum of the sizes of the events. */
  readonly bytes: number;
}

/** Strict: throws at an event that cannot be stepped over. */
export async function countEvents(
  source: ByteSource,
  place: ChunkPlace,
  window?: number,
): Promise<TypeCount[]> {
  const memory = ScanMemory.take();
  try {
    const counter = new Counter(memory);
    const start = place.offset + HEADER_SIZE;
    const end = place.offset + place.bytes;
    const stop = await scanSource(source, start, end, counter, memory, window);
    if (stop !== undefined) {
      throw new JfrError(stop.code, stop.reason, { chunk: place.index, offset: stop.offset });
    }
    return counter.result();
  } finally {
    memory?.release();
  }
}

/** The tally has 32 bits for a type's bytes. */
const TALLY_BYTES: number = 2 ** 31;

class Counter implements Scanner {
  readonly #memory: ScanMemory | undefined;
  readonly #counts: Map<number, { count: number; bytes: number }> = new Map();
  readonly #batch: EventBatch;
  /** Bytes since the tally was taken. */
  #tallied = 0;

  constructor(memory: ScanMemory | undefined) {
    this.#memory = memory;
    // one that WebAssembly leaves, and then that goes on
    this.#batch = new EventBatch(memory && 1);
    memory?.takeTally(() => {}); // what a scan that was given up left
  }

  get stop(): ScanStop | undefined {
    return this.#batch.stop;
  }

  scan(bytes: Uint8Array, at: number, end: number): number {
    let next = at;
    if (this.#memory?.has(bytes)) {
      next = this.#memory.walk(bytes, at, end, 0, true);
      this.#tallied += next - at;
      if (this.#tallied > TALLY_BYTES) this.#takeTally();
    }
    this.#batch.stop = undefined;
    return next === end ? end : this.#scanOthers(bytes, next, end);
  }

  /** A batch the long way: it begins with an event that is not of the common form, or not whole. */
  #scanOthers(bytes: Uint8Array, at: number, end: number): number {
    const batch = this.#batch;
    const next = scanEvents(bytes, at, end, batch);
    for (let row = 0; row < batch.count; row++) {
      const offset = batch.offsets[row]!;
      const typeId = batch.typeIds[row]!;
      this.#add(
        typeId < 0 ? largeTypeId(bytes, offset) : typeId,
        1,
        batch.offsets[row + 1]! - offset,
      );
    }
    return next;
  }

  #takeTally(): void {
    this.#memory?.takeTally((typeId, count, bytes) => this.#add(typeId, count, bytes));
    this.#tallied = 0;
  }

  #add(typeId: number, count: number, bytes: number): void {
    const known = this.#counts.get(typeId);
    if (known === undefined) {
      this.#counts.set(typeId, { count, bytes });
    } else {
      known.count += count;
      known.bytes += bytes;
    }
  }

  result(): TypeCount[] {
    this.#takeTally();
    return [...this.#counts].map(([typeId, { count, bytes }]) => ({ typeId, count, bytes }));
  }
}
