// SPDX-License-Identifier: Apache-2.0
import { type Extent, type Mapping, mapAnonymous, Zstd } from '@rekindle/linux';
import {
  type CompactIndex,
  decodeIndex,
  decodeTrailer,
  type Frame,
  TRAILER_BYTES,
} from './compact-format.ts';
import { FrameQueue } from './frame-queue.ts';
import type { LazyContent, MemorySource } from './memory-source.ts';
import { PAGE } from './page-states.ts';
import { PagerError } from './pager-error.ts';
import type { RangeReader } from './range-reader.ts';

const PAGE_BYTES = 4096;

/** A compact memory: frames are fetched, checked and decompressed when a page of theirs is asked for. */
export class CompactSource implements MemorySource, LazyContent {
  readonly name: string;
  readonly bytes: number;
  readonly extents: readonly Extent[];
  /** SHA-256 of the memory, hexadecimal. */
  readonly memoryHash: string;
  readonly #index: CompactIndex;
  readonly #reader: RangeReader;
  readonly #zstd = new Zstd();
  /** The distinct pages, at their numbers; filled frame by frame. */
  readonly #content: Mapping;
  readonly #numbers: Mapping;
  readonly #queue = new FrameQueue((frame) => this.#loadFrame(frame));
  /** Pages of the memory by frame, to mark them ready. */
  #pagesOfFrame: Uint32Array[] | undefined;
  #states: Uint8Array | undefined;
  #open = true;

  private constructor(reader: RangeReader, index: CompactIndex) {
    this.name = reader.name;
    this.#reader = reader;
    this.#index = index;
    this.bytes = index.memoryBytes;
    this.memoryHash = index.memoryHash;
    this.extents = extentsOf(index.table);
    this.#content = mapAnonymous(Math.max(1, index.distinctPages) * PAGE_BYTES);
    this.#numbers = mapAnonymous(index.table.length * 4);
    const numbers = new Uint32Array(this.#numbers.bytes());
    for (let page = 0; page < numbers.length; page++) {
      numbers[page] = Math.max(0, index.table[page]! - 1);
    }
  }

  /** Reads the index; content comes later. Takes the reader over. @throws PagerError MEMORY_SOURCE */
  static async open(reader: RangeReader): Promise<CompactSource> {
    const zstd = new Zstd();
    let raw: Mapping | undefined;
    try {
      const { name, size } = reader;
      const start = Math.max(0, size - TRAILER_BYTES);
      const trailer = decodeTrailer(await reader.read(start, size - start, undefined), size, name);
      const { indexOffset, indexBytes, indexLength, indexHash } = trailer;
      const stored = await reader.read(indexOffset, indexBytes, indexHash);
      raw = mapAnonymous(indexLength);
      const length = zstd.decompressTo(raw.address, indexLength, stored);
      const index = decodeIndex(new Uint8Array(raw.bytes(0, length)), indexOffset, name);
      return new CompactSource(reader, index);
    } catch (error) {
      reader.close();
      throw error;
    } finally {
      zstd.close();
      raw?.unmap();
    }
  }

  get mapped(): number {
    return this.#content.address;
  }

  get index(): number {
    return this.#numbers.address;
  }

  get lazy(): LazyContent {
    return this;
  }

  contiguous(_offset: number, wanted: number): number {
    return Math.min(wanted, PAGE_BYTES);
  }

  address(offset: number, _length: number): number {
    return this.#content.address + (this.#index.table[offset / PAGE_BYTES]! - 1) * PAGE_BYTES;
  }

  isZero(offset: number, length: number): boolean {
    const first = offset / PAGE_BYTES;
    for (let page = first; page < first + length / PAGE_BYTES; page++) {
      if (this.#index.table[page] !== 0) return false;
    }
    return true;
  }

  readAhead(): void {
    // Frames are fetched when they are asked for, or prefetched as the policy says.
  }

  attach(states: Uint8Array): void {
    this.#states = states;
    const { table, framePages, frames } = this.#index;
    const lists: number[][] = frames.map(() => []);
    for (let page = 0; page < table.length; page++) {
      if (table[page] !== 0) lists[Math.floor((table[page]! - 1) / framePages)]!.push(page);
    }
    this.#pagesOfFrame = lists.map((pages) => Uint32Array.from(pages));
  }

  load(page: number, urgent: boolean): Promise<void> {
    const entry = this.#index.table[page];
    if (entry === undefined || entry === 0) return Promise.resolve();
    const frame = Math.floor((entry - 1) / this.#index.framePages);
    return this.#queue.load(frame, urgent);
  }

  async #loadFrame(number: number): Promise<void> {
    const { frames, framePages, distinctPages } = this.#index;
    const frame = frames[number] as Frame;
    const bytes = await this.#reader.read(frame.offset, frame.bytes, frame.hash);
    if (!this.#open) return;
    const first = number * framePages;
    const length = Math.min(framePages, distinctPages - first) * PAGE_BYTES;
    const to = this.#content.address + first * PAGE_BYTES;
    if ((await this.#zstd.decompressAside(to, length, bytes)) !== length) {
      throw new PagerError(
        'MEMORY_SOURCE',
        'a frame is shorter than its pages',
        `${this.name} byte ${frame.offset}`,
      );
    }
    if (!this.#open) return;
    const states = this.#states!;
    for (const page of this.#pagesOfFrame![number]!) states[page]! |= PAGE.ready;
  }

  /** Idempotent. Every address becomes invalid; loads that are under way come to nothing. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#numbers.unmap();
    this.#reader.abort();
    // Other threads may still be unpacking into it.
    void this.#queue.close().then(() => {
      this.#reader.close();
      this.#zstd.close();
      this.#content.unmap();
    });
  }
}

/** Runs of pages that are not zero, bytes. */
function extentsOf(table: Uint32Array): Extent[] {
  const extents: { start: number; end: number }[] = [];
  for (let page = 0; page < table.length; page++) {
    if (table[page] === 0) continue;
    const last = extents.at(-1);
    const start = page * PAGE_BYTES;
    if (last?.end === start) last.end = start + PAGE_BYTES;
    else extents.push({ start, end: start + PAGE_BYTES });
  }
  return extents;
}
