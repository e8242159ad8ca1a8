// SPDX-License-Identifier: Apache-2.0
// Guest physical memory as a file holds it: one region or several, read by block, never as a whole.
import type { ByteSource } from '@rekindle/bytes';
import { MemoryError } from '../error.ts';

/** A byte source that answers at once: `openFileSource` of `@rekindle/bytes/node`, or bytes at hand. */
export interface SyncByteSource extends ByteSource {
  slice(start: number, end: number): Uint8Array;
}

/** A range of guest physical memory and where it lies in the memory file. All in bytes. */
export interface MemoryRegion {
  readonly guestPhysical: number;
  readonly bytes: number;
  readonly fileOffset: number;
}

const BLOCK_BYTES = 65_536;
/** Blocks kept: 64 MiB. What is walked (page tables, frame tables, tasks) is a small part of memory. */
const MAX_BLOCKS = 1024;
const SCAN_BYTES = 1 << 20;

const latin1 = new TextDecoder('latin1');

export class PhysicalMemory {
  readonly regions: readonly MemoryRegion[];
  /** Guest physical address behind the last byte. */
  readonly end: number;
  readonly #source: SyncByteSource;
  readonly #blocks = new Map<number, DataView>();
  #lastBlock = -1;
  #lastView: DataView = new DataView(new ArrayBuffer(0));
  #region: MemoryRegion;

  /** Without regions the whole source is memory from guest physical address 0 on. */
  constructor(source: SyncByteSource, regions?: readonly MemoryRegion[]) {
    this.#source = source;
    this.regions = regions ?? [{ guestPhysical: 0, bytes: source.byteLength, fileOffset: 0 }];
    const [first] = this.regions;
    const fits = (region: MemoryRegion) =>
      region.bytes > 0 &&
      region.guestPhysical >= 0 &&
      region.fileOffset >= 0 &&
      region.fileOffset + region.bytes <= source.byteLength;
    if (first === undefined || !this.regions.every(fits)) {
      throw new MemoryError(
        'bad-guest-memory',
        `a memory file of ${source.byteLength} bytes does not hold the regions it should`,
        {},
        'the file was cut short, or belongs to another snapshot',
      );
    }
    this.#region = first;
    this.end = Math.max(...this.regions.map(({ guestPhysical, bytes }) => guestPhysical + bytes));
  }

  /** Whether all of `[address, address + length)` is memory of one region. */
  holds(address: number, length: number): boolean {
    return this.#regionOf(address, length) !== undefined;
  }

  u32(address: number): number {
    const at = this.#locate(address, 4);
    return this.#lastView.getUint32(at, true);
  }

  i32(address: number): number {
    return this.u32(address) | 0;
  }

  /** Bytes of one region; a copy where they span blocks, else a view that must not be written to. */
  bytes(address: number, length: number): Uint8Array {
    const offset = this.#fileOffset(address, length);
    const within = offset % BLOCK_BYTES;
    if (within + length > BLOCK_BYTES) return this.#source.slice(offset, offset + length);
    const view = this.#block((offset - within) / BLOCK_BYTES);
    return new Uint8Array(view.buffer, view.byteOffset + within, length);
  }

  /** The NUL-terminated text at an address, at most `most` bytes of it, a byte a character. */
  text(address: number, most: number): string {
    const region = this.#regionOf(address, 1);
    if (region === undefined) return '';
    const left = region.guestPhysical + region.bytes - address;
    const bytes = this.bytes(address, Math.min(most, left));
    const end = bytes.indexOf(0);
    return latin1.decode(end < 0 ? bytes : bytes.subarray(0, end));
  }

  /**
   * Calls `see` for every aligned 32-bit word of memory that is one of two, from address 0 upwards, until
   * it says true. As fast as memory is read: the words are compared in the byte order of this machine,
   * which is that of the guest (all that run Node.js are little-endian).
   */
  scan(a: number, b: number, see: (word: number, address: number) => boolean): void {
    for (const { guestPhysical, bytes, fileOffset } of this.regions) {
      for (let done = 0; done < bytes; done += SCAN_BYTES) {
        const words = this.#words(fileOffset + done, Math.min(SCAN_BYTES, bytes - done));
        for (let i = 0; i < words.length; i++) {
          const word = words[i]!;
          if ((word === a || word === b) && see(word, guestPhysical + done + i * 4)) return;
        }
      }
    }
  }

  /** Calls `see` for every page that begins with a word, from the last page downwards, until it says true. */
  scanPages(word: number, see: (address: number) => boolean): void {
    for (const { guestPhysical, bytes, fileOffset } of [...this.regions].reverse()) {
      const pieces = Math.ceil(bytes / SCAN_BYTES);
      for (let piece = pieces - 1; piece >= 0; piece--) {
        const done = piece * SCAN_BYTES;
        const words = this.#words(fileOffset + done, Math.min(SCAN_BYTES, bytes - done));
        for (let i = Math.floor((words.length - 1) / 1024) * 1024; i >= 0; i -= 1024) {
          if (words[i] === word && see(guestPhysical + done + i * 4)) return;
        }
      }
    }
  }

  #words(offset: number, length: number): Uint32Array {
    const piece = this.#source.slice(offset, offset + length);
    const aligned = piece.byteOffset % 4 === 0 ? piece : piece.slice();
    return new Uint32Array(aligned.buffer, aligned.byteOffset, length >>> 2);
  }

  /** Sets `#lastView` to the block of an address and gives the place in it. */
  #locate(address: number, length: number): number {
    const offset = this.#fileOffset(address, length);
    const within = offset % BLOCK_BYTES;
    const block = (offset - within) / BLOCK_BYTES;
    if (within + length > BLOCK_BYTES) this.#outside(address, length);
    if (block !== this.#lastBlock) {
      this.#lastView = this.#block(block);
      this.#lastBlock = block;
    }
    return within;
  }

  #block(block: number): DataView {
    let view = this.#blocks.get(block);
    if (view === undefined) {
      const start = block * BLOCK_BYTES;
      const end = Math.min(start + BLOCK_BYTES, this.#source.byteLength);
      const bytes = this.#source.slice(start, end);
      view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      if (this.#blocks.size >= MAX_BLOCKS) {
        for (const oldest of this.#blocks.keys()) {
          this.#blocks.delete(oldest);
          break;
        }
      }
      this.#blocks.set(block, view);
    }
    return view;
  }

  #fileOffset(address: number, length: number): number {
    const region = this.#regionOf(address, length);
    if (region === undefined) this.#outside(address, length);
    return address - region.guestPhysical + region.fileOffset;
  }

  #regionOf(address: number, length: number): MemoryRegion | undefined {
    const last = this.#region;
    const into = address - last.guestPhysical;
    if (into >= 0 && into + length <= last.bytes) return last;
    const region = this.regions.find(
      ({ guestPhysical, bytes }) =>
        address >= guestPhysical && address + length <= guestPhysical + bytes,
    );
    if (region !== undefined) this.#region = region;
    return region;
  }

  #outside(address: number, length: number): never {
    throw new MemoryError(
      'bad-guest-memory',
      `${length} bytes that a structure of the guest points at are not in its memory`,
      { offset: address },
      'the guest was changing this structure when it was stopped, or the file is of another guest',
    );
  }
}
