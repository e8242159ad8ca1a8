// SPDX-License-Identifier: Apache-2.0
// Counts the events of a chunk by type, without keeping where they are.
import type { ByteSource } from '@rekindle/bytes';
import { JfrError } from './error.ts';
import type { ChunkPlace } from './find-chunks.ts';
import { HEADER_SIZE } from './header.ts';
import { EventBatch, largeTypeId, type ScanStop, scanEvents } from './scan.ts';
import { COMMON_TYPE_IDS, countCommon } from './scan-common.ts';
import { type Scanner, scanSource } from './scan-source.ts';

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
  const counter = new Counter(place.bytes);
  const start = place.offset + HEADER_SIZE;
  const stop = await scanSource(source, start, place.offset + place.bytes, counter, window);
  if (stop !== undefined) {
    throw new JfrError(stop.code, stop.reason, { chunk: place.index, offset: stop.offset });
  }
  return counter.result();
}

class Counter implements Scanner {
  readonly #counts: Uint32Array | Float64Array;
  readonly #sizes: Uint32Array | Float64Array;
  readonly #large: Map<number, { count: number; bytes: number }> = new Map();
  readonly #batch: EventBatch = new EventBatch();

  constructor(bytes: number) {
    // integers where neither can overflow
    const Table = bytes < 2 ** 32 ? Uint32Array : Float64Array;
    this.#counts = new Table(COMMON_TYPE_IDS);
    this.#sizes = new Table(COMMON_TYPE_IDS);
  }

  get stop(): ScanStop | undefined {
    return this.#batch.stop;
  }

  scan(bytes: Uint8Array, at: number, end: number): number {
    const next = countCommon(bytes, at, end, this.#counts, this.#sizes);
    this.#batch.stop = undefined;
    return next === end ? end : this.#scanOthers(bytes, next, end);
  }

  /** A batch the long way: it begins with an event that is not of the common form, or not whole. */
  #scanOthers(bytes: Uint8Array, at: number, end: number): number {
    const batch = this.#batch;
    const next = scanEvents(bytes, at, end, batch);
    for (let row = 0; row < batch.count; row++) {
      const offset = batch.offsets[row]!;
      const size = batch.offsets[row + 1]! - offset;
      const typeId = largeTypeId(bytes, offset);
      if (typeId < COMMON_TYPE_IDS) {
        this.#counts[typeId]! += 1;
        this.#sizes[typeId]! += size;
        continue;
      }
      const known = this.#large.get(typeId) ?? { count: 0, bytes: 0 };
      known.count++;
      known.bytes += size;
      this.#large.set(typeId, known);
    }
    return next;
  }

  result(): TypeCount[] {
    const result: TypeCount[] = [];
    for (const [typeId, count] of this.#counts.entries()) {
      if (count > 0) result.push({ typeId, count, bytes: this.#sizes[typeId]! });
    }
    for (const [typeId, { count, bytes }] of this.#large) result.push({ typeId, count, bytes });
    return result;
  }
}
