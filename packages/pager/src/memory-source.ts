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
  /** Address of the content in this process. */
  readonly mapped: number;
  /** Address of a u32 per page, which page of the content it has; 0: the one of its own number. */
  readonly index: number;
  /** Where content has to be fetched first; else undefined: it is all there. */
  readonly lazy: LazyContent | undefined;
  /** How many bytes from `offset` on {@link address} can offer at once, at most `wanted`. */
  contiguous(offset: number, wanted: number): number;
  /**
   * Address in this process of `length` bytes, valid until the next call. May block; throws when
   * the bytes cannot be had.
   */
  address(offset: number, length: number): number;
  /** Whether a range holds only zeroes. */
  isZero(offset: number, length: number): boolean;
  /** Starts bringing content near; `runs` first, where there are any. Bytes, ascending. */
  readAhead(runs: readonly Extent[]): void;
  /** Every address becomes invalid. Idempotent. */
  close(): void;
}

/** Content that comes bit by bit. */
export interface LazyContent {
  /** Where pages are to be marked PAGE.ready once their content is there and has been checked. */
  attach(states: Uint8Array): void;
  /**
   * Fetches what a page needs. @param urgent somebody waits for it: before everything that is fetched ahead
   * @throws when it cannot be had or is not what was saved
   */
  load(page: number, urgent: boolean): Promise<void>;
}

/**
 * How a file's pages are brought into memory: `willneed` reads ahead what will be installed, or all of it, and maps of
 * the former what is in the page cache; `populate` maps all, so that the pager takes no faults of its own; `none` leaves
 * it to chance.
 */
export type Readahead = 'populate' | 'willneed' | 'none';

function openMemory(path: string): { fd: number; bytes: number } {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    throw new PagerError(
      'MEMORY_SOURCE',
      (error as Error).message,
      path,
      'check the path, and who may read it',
    );
  }
  const status = fstatSync(fd);
  if (status.isFile() && status.size > 0 && status.size % 4096 === 0) {
    return { fd, bytes: status.size };
  }
  closeSync(fd);
  throw new PagerError(
    'MEMORY_SOURCE',
    status.isFile() ? `${status.size} bytes are not a whole number of pages` : 'not a file',
    path,
    status.isFile() ? 'the file is truncated or not a memory file' : 'name the memory file itself',
  );
}

/** Everything that either list covers. Both ascending. */
function merge(first: readonly Extent[], second: readonly Extent[]): Extent[] {
  const merged: { start: number; end: number }[] = [];
  for (const extent of [...first, ...second].sort((a, b) => a.start - b.start)) {
    const last = merged.at(-1);
    if (last !== undefined && extent.start <= last.end) last.end = Math.max(last.end, extent.end);
    else merged.push({ ...extent });
  }
  return merged;
}

/** What both lists cover. Both ascending. */
function common(first: readonly Extent[], second: readonly Extent[]): Extent[] {
  const both: Extent[] = [];
  for (let [a, b] = [0, 0]; a < first.length && b < second.length; ) {
    const [one, other] = [first[a]!, second[b]!];
    const [start, end] = [Math.max(one.start, other.start), Math.min(one.end, other.end)];
    if (start < end) both.push({ start, end });
    if (one.end < other.end) a++;
    else b++;
  }
  return both;
}

/** Disks read a gap of this size as fast as they skip it. */
const READ_GAP = 64 * 1024;

/**
 * Measured on the demo's service: what a restore touches beside its working set lies 1 to 36 pages from it, and a
 * fault that has to read it costs 1 to 8 ms.
 */
const NEIGHBOURHOOD = 256 * 1024;
/** Neighbours of a working set are read up to this much, bytes. */
const MOST_NEIGHBOURS = 128 << 20;

/** What has data and lies around ascending extents, up to a limit. */
function neighbours(extents: readonly Extent[], data: readonly Extent[]): Extent[] {
  const around: Extent[] = [];
  let left = MOST_NEIGHBOURS;
  let at = 0;
  let end = 0;
  for (const extent of extents) {
    const start = Math.max(end, extent.start - NEIGHBOURHOOD);
    end = Math.max(end, extent.end + NEIGHBOURHOOD);
    while (at < data.length && data[at]!.end <= start) at++;
    for (let i = at; i < data.length && data[i]!.start < end && left > 0; i++) {
      const piece = { start: Math.max(start, data[i]!.start), end: Math.min(end, data[i]!.end) };
      left -= piece.end - piece.start;
      around.push(piece);
    }
  }
  return around;
}

/** Ascending extents, those that are near each other joined. */
function nearby(extents: readonly Extent[]): Extent[] {
  const joined: { start: number; end: number }[] = [];
  for (const extent of extents) {
    const last = joined.at(-1);
    if (last !== undefined && extent.start - last.end <= READ_GAP) last.end = extent.end;
    else joined.push({ ...extent });
  }
  return joined;
}

/** What is in the page cache is mapped in pieces of this size, each whole or not at all. */
const PIECE = 2 << 20;

// One typed array covers at most 2^32 elements; windows keep every index a small integer.
const WINDOW = 2 ** 30;

/** Parts of a diff up to this size are read, larger ones mapped: mappings are limited in number. */
const READ_EXTENT = 64 * 1024;
const MOST_MAPPINGS = 30_000;

/**
 * The memory file of a snapshot, mapped; with diff snapshots over it, nothing has to be merged. A diff is a
 * sparse file of the same size whose holes mean "as before"; later ones win.
 */
export class FileSource implements MemorySource {
  readonly name: string;
  readonly bytes: number;
  readonly extents: readonly Extent[];
  readonly #mapping: Mapping;
  readonly #address: number;
  readonly #readahead: Readahead;
  #windows: Int32Array[];

  /** @throws PagerError MEMORY_SOURCE when a file is missing, not whole pages, or a diff of another size */
  constructor(path: string, readahead: Readahead = 'willneed', diffs: readonly string[] = []) {
    this.name = path;
    const base = openMemory(path);
    try {
      this.bytes = base.bytes;
      this.extents = dataExtents(base.fd, this.bytes);
      this.#mapping = mapFile(base.fd, this.bytes, { writable: diffs.length > 0 });
    } finally {
      closeSync(base.fd);
    }
    for (const diff of diffs) this.extents = merge(this.extents, this.#overlay(diff));
    this.#address = this.#mapping.address;
    this.#windows = [];
    for (let offset = 0; offset < this.bytes; offset += WINDOW) {
      this.#windows.push(
        new Int32Array(this.#mapping.bytes(offset, Math.min(WINDOW, this.bytes - offset))),
      );
    }
    this.#readahead = readahead;
  }

  #overlay(path: string): Extent[] {
    const { fd, bytes } = openMemory(path);
    try {
      if (bytes !== this.bytes) {
        throw new PagerError(
          'MEMORY_SOURCE',
          `the diff has ${bytes} bytes, the memory ${this.bytes}`,
          path,
          'a diff snapshot belongs to the memory file it was made against',
        );
      }
      const extents = dataExtents(fd, bytes);
      for (const [index, { start, end }] of extents.entries()) {
        const map = end - start > READ_EXTENT && index < MOST_MAPPINGS;
        if (map) this.#mapping.overlay(fd, start, end - start);
        else this.#mapping.readFrom(fd, start, end - start);
      }
      return extents;
    } finally {
      closeSync(fd);
    }
  }

  /**
   * Starts bringing content into memory, as the options say.
   * @param runs what will be installed first, ascending; empty: everything counts the same
   */
  readAhead(runs: readonly Extent[]): void {
    if (this.#readahead === 'none') return;
    // Only where there is data: populating a hole would fill the page cache with zeroes.
    const wanted =
      runs.length > 0 ? [...nearby(runs), ...neighbours(runs, this.extents)] : this.extents;
    for (const { start, end } of wanted) this.#mapping.advise(ADVICE.willneed, start, end - start);
    if (this.#readahead === 'populate') this.#map(this.extents);
    else if (runs.length > 0) this.#map(this.#cached(common(nearby(runs), this.extents)));
  }

  /** So that copying takes no faults; two threads that copy would wait for each other's. */
  #map(extents: readonly Extent[]): void {
    for (const { start, end } of extents) {
      if (!this.#mapping.advise(ADVICE.populateRead, start, end - start)) return;
    }
  }

  /** What is in the page cache. Mapping the rest would wait for the disk, and so would the VMM's handshake. */
  #cached(extents: readonly Extent[]): Extent[] {
    const cached: Extent[] = [];
    for (const extent of extents) {
      for (let start = extent.start; start < extent.end; start += PIECE) {
        const end = Math.min(start + PIECE, extent.end);
        const pages = this.#mapping.residency(start, end - start);
        if (pages.every((present) => present === 1)) cached.push({ start, end });
      }
    }
    return cached;
  }

  get mapped(): number {
    return this.#address;
  }

  get index(): number {
    return 0;
  }

  get lazy(): undefined {
    return undefined;
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
