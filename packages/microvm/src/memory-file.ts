// SPDX-License-Identifier: Apache-2.0
// The memory file of a snapshot: guest RAM region after region, every page of zeroes a hole.
import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dataExtents } from '@rekindle/linux';
import type { MemoryRegion, MemoryWritten } from './engine.ts';
import { explainFileError, MicrovmError } from './error.ts';

export const PAGE_SIZE = 4096;
const BLOCK = 4 * 1024 * 1024;
const ZERO_PAGE = Buffer.alloc(PAGE_SIZE);

/** A run of bytes inside a block, page-aligned. */
export interface Run {
  readonly start: number;
  readonly end: number;
}

/** The runs of pages in `block` that hold something other than zeroes; a last partial page counts whole. */
export function dataRuns(block: Buffer): Run[] {
  const runs: Run[] = [];
  let start = -1;
  for (let page = 0; page < block.length; page += PAGE_SIZE) {
    const end = Math.min(page + PAGE_SIZE, block.length);
    const zero = block.compare(ZERO_PAGE, 0, end - page, page, end) === 0;
    if (!zero && start < 0) start = page;
    if (zero && start >= 0) {
      runs.push({ start, end: page });
      start = -1;
    }
  }
  if (start >= 0) runs.push({ start, end: block.length });
  return runs;
}

/**
 * Copies guest RAM into a new sparse file and hashes it on the way (SHA-256 of the whole content, as sha256sum
 * gives it). Blocks that are holes of the source are not read; the others are read one ahead, while the one
 * before is searched for zeroes, hashed and written. Syncing is the caller's, who may let the VM go on first.
 */
export async function writeMemoryFile(source: string, target: string): Promise<MemoryWritten> {
  const input = await open(source, 'r');
  try {
    const output = await open(target, 'wx', 0o600);
    try {
      const { size } = await input.stat();
      await output.truncate(size);
      const hash = createHash('sha256');
      let dataBytes = 0;
      for await (const { position, block } of blocks(input, source, size)) {
        for (const { start, end } of dataRuns(block)) {
          for (let at = start; at < end; ) {
            at += writeSync(output.fd, block, at, end - at, position + at);
          }
          dataBytes += end - start;
        }
        hash.update(block);
      }
      return { bytes: size, dataBytes, sha256: hash.digest('hex') };
    } finally {
      await output.close();
    }
  } catch (error) {
    throw explainFileError(error, 'writing guest memory', target);
  } finally {
    await input.close();
  }
}

/** A file block by block, in order; each block is good until the next one is asked for. */
async function* blocks(
  file: FileHandle,
  path: string,
  size: number,
): AsyncGenerator<{ position: number; block: Buffer }> {
  const zeroes = Buffer.alloc(Math.min(BLOCK, size));
  const buffers = [Buffer.allocUnsafeSlow(BLOCK), Buffer.allocUnsafeSlow(BLOCK)];
  const extents = dataExtents(file.fd, size);
  const read = async (index: number): Promise<Buffer> => {
    const position = index * BLOCK;
    const length = Math.min(BLOCK, size - position);
    if (!extents.some(({ start, end }) => start < position + length && end > position)) {
      return zeroes.subarray(0, length);
    }
    const buffer = buffers[index % 2] as Buffer;
    for (let filled = 0; filled < length; ) {
      const { bytesRead } = await file.read(buffer, filled, length - filled, position + filled);
      if (bytesRead === 0) {
        throw new MicrovmError('VMM_FAILED', `guest memory ended at byte ${position + filled}`, {
          place: path,
        });
      }
      filled += bytesRead;
    }
    return buffer.subarray(0, length);
  };
  const count = Math.ceil(size / BLOCK);
  let next = count === 0 ? undefined : read(0);
  for (let index = 0; next !== undefined; index++) {
    const block: Buffer = await next;
    next = index + 1 < count ? read(index + 1) : undefined;
    // A failure while the consumer is busy is reported when its turn comes, not as unhandled.
    next?.catch(() => {});
    yield { position: index * BLOCK, block };
  }
}

/**
 * Where QEMU's q35 puts RAM (hw/i386/pc_q35.c): everything below 4 GiB up to 2.75 GiB, else 2 GiB there and
 * the rest from 4 GiB on. In the backing file the two follow each other.
 */
export function q35Regions(memoryBytes: number): MemoryRegion[] {
  const GIB = 1024 ** 3;
  const low = memoryBytes >= 0xb000_0000 ? 2 * GIB : memoryBytes;
  const regions: MemoryRegion[] = [{ guestPhysical: 0, bytes: low, fileOffset: 0 }];
  if (memoryBytes > low) {
    regions.push({ guestPhysical: 4 * GIB, bytes: memoryBytes - low, fileOffset: low });
  }
  return regions;
}
