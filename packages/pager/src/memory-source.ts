// SPDX-License-Identifier: Apache-2.0
import { closeSync, fstatSync, openSync } from 'node:fs';
import { ADVICE, dataExtents, type Extent, type Mapping, mapFile } from '@rekindle/linux';
import { PagerError } from './pager-error.ts';

/** Where the content of the guest's memory comes from. Offsets and lengths are bytes of the memory. */
export interface MemorySource {
  /** For people: a path, an address. */
  readonly name: string;
  readonly bytes: number;
  /** Where there is data; the rest is zero. Ascending, without overlap. */
  readonly extents: readonly Extent[];
  /** Address of the whole memory where it is all mapped in this process; else undefined. */
  readonly mapped: number | undefined;
  /** How many bytes from `offset` on {@link address} can offer at once, at most `wanted`. */
  contiguous(offset: number, wanted: number): number;
  /**
   * Address in this process of `length` bytes, valid until the next call. May block; throws when
   * the bytes cannot be had.
   */
  address(offset: number, length: number): number;
  /** Whether a range holds only zeroes. */
  isZero(offset: number, length: number): boolean;
  /** Every address becomes invalid. Idempotent. */
  close(): void;
}

/** When the source's own pages are brought into memory: each would cost a fault of the pager itself. */
export type Readahead = 'populate' | 'willneed' | 'none';

// One typed array covers at most 2^32 elements; windows keep every index a small integer.
const WINDOW = 2 ** 30;

/** The memory file of a snapshot, mapped. */
export class FileSource implements MemorySource {
  readonly name: string;
  readonly bytes: number;
  readonly extents: readonly Extent[];
  readonly #mapping: Mapping;
  readonly #address: number;
  #windows: Int32Array[];

  /** @throws PagerError MEMORY_SOURCE when there is no such file or it is not whole pages */
  constructor(path: string, readahead: Readahead = 'willneed') {
    this.name = path;
    let fd: number;
    try {
      fd = openSync(path, 'r');
    } catch (error) {
      throw new PagerError('MEMORY_SOURCE', (error as Error).message, path);
    }
    try {
      const status = fstatSync(fd);
      this.bytes = status.size;
      if (!status.isFile() || this.bytes === 0 || this.bytes % 4096 !== 0) {
        throw new PagerError(
          'MEMORY_SOURCE',
          `${this.bytes} bytes are not a whole number of pages`,
          path,
          'the file is truncated or not a memory file',
        );
      }
      this.extents = dataExtents(fd, this.bytes);
      this.#mapping = mapFile(fd, this.bytes);
    } finally {
      closeSync(fd);
    }
    this.#address = this.#mapping.address;
    this.#windows = [];
    for (let offset = 0; offset < this.bytes; offset += WINDOW) {
      this.#windows.push(
        new Int32Array(this.#mapping.bytes(offset, Math.min(WINDOW, this.bytes - offset))),
      );
    }
    this.#readAhead(readahead);
  }

  /** Only where there is data: populating a hole would fill the page cache with zeroes. */
  #readAhead(readahead: Readahead): void {
    if (readahead === 'none') return;
    for (const { start, end } of this.extents) {
      const known =
        readahead === 'populate' && this.#mapping.advise(ADVICE.populateRead, start, end - start);
      if (!known) this.#mapping.advise(ADVICE.willneed, start, end - start);
    }
  }

  get mapped(): number {
    return this.#address;
  }

  contiguous(_offset: number, wanted: number): number {
    return wanted;
  }

  address(offset: number, _length: number): number {
    return this.#address + offset;
  }

  isZero(offset: number, length: number): boolean {
    const window = this.#windows[Math.floor(offset / WINDOW)]!;
    const first = (offset % WINDOW) / 4;
    const end = first + length / 4;
    for (let index = first; index < end; index++) {
      if (window[index] !== 0) return false;
    }
    return true;
  }

  close(): void {
    this.#windows = [];
    this.#mapping.unmap();
  }
}
