// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dataExtents, mapFile, Zstd } from '@rekindle/linux';
import { encodeIndex, encodeTrailer, FRAME_PAGES, type Frame, sha256 } from './compact-format.ts';
import { PagerError } from './pager-error.ts';

const PAGE = 4096;
const PIECE = 1 << 20;
const ZEROES = new Uint8Array(PIECE);

/** What compacting saved. Bytes and pages. */
export interface CompactResult {
  readonly memoryBytes: number;
  readonly zeroPages: number;
  /** Pages that are equal to another one and stored with it. */
  readonly duplicatePages: number;
  readonly storedPages: number;
  readonly fileBytes: number;
  /** SHA-256 of the memory file, hexadecimal. */
  readonly memoryHash: string;
}

/**
 * Writes a memory file in the compact form. Written aside and renamed.
 * @param level of zstd, 1 to 19
 * @throws PagerError MEMORY_SOURCE when it is not a memory file
 */
export function compactMemory(memoryPath: string, outputPath: string, level = 3): CompactResult {
  const aside = `${outputPath}.tmp`;
  const input = open(memoryPath, 'r');
  const output = open(aside, 'w');
  try {
    const { size } = fstatSync(input);
    if (size === 0 || size % PAGE !== 0) {
      throw new PagerError('MEMORY_SOURCE', `${size} bytes are not whole pages`, memoryPath);
    }
    const result = new Writer(output, level).write(input, size);
    renameSync(aside, outputPath);
    return result;
  } finally {
    closeSync(input);
    closeSync(output);
    rmSync(aside, { force: true });
  }
}

function open(path: string, flags: 'r' | 'w'): number {
  try {
    return openSync(path, flags);
  } catch (error) {
    throw new PagerError('MEMORY_SOURCE', (error as Error).message, path);
  }
}

class Writer {
  readonly #fd: number;
  readonly #level: number;
  readonly #zstd = new Zstd();
  readonly #frame = new Uint8Array(FRAME_PAGES * PAGE);
  readonly #frames: Frame[] = [];
  readonly #numbers = new Map<string, number>();
  #position = 0;

  constructor(fd: number, level: number) {
    this.#fd = fd;
    this.#level = level;
  }

  #append(bytes: Uint8Array): number {
    const start = this.#position;
    for (let at = 0; at < bytes.length; ) {
      at += writeSync(this.#fd, bytes, at, bytes.length - at, start + at);
    }
    this.#position += bytes.length;
    return start;
  }

  write(input: number, size: number): CompactResult {
    const table = new Uint32Array(size / PAGE);
    const hash = createHash('sha256');
    const mapping = mapFile(input, size);
    let hashed = 0;
    try {
      for (const { start, end } of dataExtents(input, size)) {
        for (; hashed < start; hashed += Math.min(PIECE, start - hashed)) {
          hash.update(ZEROES.subarray(0, Math.min(PIECE, start - hashed)));
        }
        for (let piece = start; piece < end; piece += PIECE) {
          const bytes = new Uint8Array(mapping.bytes(piece, Math.min(PIECE, end - piece)));
          hash.update(bytes);
          for (let at = 0; at < bytes.length; at += PAGE) {
            table[(piece + at) / PAGE] = this.#number(bytes.subarray(at, at + PAGE));
          }
        }
        hashed = end;
      }
      for (; hashed < size; hashed += Math.min(PIECE, size - hashed)) {
        hash.update(ZEROES.subarray(0, Math.min(PIECE, size - hashed)));
      }
      return this.#finish(table, size, hash.digest('hex'));
    } finally {
      mapping.unmap();
      this.#zstd.close();
    }
  }

  /** 0 for zeroes, else 1 + the number under which this content is stored. */
  #number(page: Uint8Array): number {
    if (Buffer.compare(page, ZEROES.subarray(0, PAGE)) === 0) return 0;
    const key = createHash('sha256').update(page).digest('base64');
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#numbers.size;
    this.#numbers.set(key, number + 1);
    this.#frame.set(page, (number % FRAME_PAGES) * PAGE);
    if (number % FRAME_PAGES === FRAME_PAGES - 1) this.#store(FRAME_PAGES);
    return number + 1;
  }

  #store(pages: number): void {
    const bytes = this.#zstd.compress(this.#frame.subarray(0, pages * PAGE), this.#level);
    const offset = this.#append(bytes);
    this.#frames.push({ offset, bytes: bytes.length, hash: sha256(bytes) });
  }

  #finish(table: Uint32Array, memoryBytes: number, memoryHash: string): CompactResult {
    const distinctPages = this.#numbers.size;
    if (distinctPages % FRAME_PAGES !== 0) this.#store(distinctPages % FRAME_PAGES);
    const framePages = FRAME_PAGES;
    const frames = this.#frames;
    const raw = encodeIndex({ memoryBytes, framePages, distinctPages, memoryHash, table, frames });
    const stored = this.#zstd.compress(raw, this.#level);
    const indexOffset = this.#append(stored);
    this.#append(
      encodeTrailer({
        indexOffset,
        indexBytes: stored.length,
        indexLength: raw.length,
        indexHash: sha256(stored),
      }),
    );
    const zeroPages = table.reduce((count, entry) => count + (entry === 0 ? 1 : 0), 0);
    return {
      memoryBytes,
      zeroPages,
      duplicatePages: table.length - zeroPages - distinctPages,
      storedPages: distinctPages,
      fileBytes: this.#position,
      memoryHash,
    };
  }
}
