// SPDX-License-Identifier: Apache-2.0
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { isCompact, TRAILER_BYTES } from './compact-format.ts';
import { CompactSource } from './compact-source.ts';
import { FileSource, type MemorySource } from './memory-source.ts';
import type { ResolvedOptions } from './options.ts';
import { PagerError } from './pager-error.ts';
import { FileRanges, HttpRanges } from './range-reader.ts';

/** Opens what the options name: an address, a compact memory, or a memory file with its diffs. */
export async function openMemorySource(options: ResolvedOptions): Promise<MemorySource> {
  const { memoryPath, diffPaths = [] } = options;
  const remote = /^https?:\/\//.test(memoryPath);
  if (!remote && !endsCompact(memoryPath)) {
    return new FileSource(memoryPath, options.readahead, diffPaths);
  }
  if (diffPaths.length > 0) {
    throw new PagerError('OPTIONS', 'diffs lie over a memory file only', memoryPath);
  }
  const reader = remote
    ? await HttpRanges.open(memoryPath, options.cachePath)
    : new FileRanges(memoryPath);
  const source = await CompactSource.open(reader);
  const wanted = options.snapshotHash;
  if (wanted !== '' && wanted !== source.memoryHash) {
    source.close();
    throw new PagerError(
      'MEMORY_SOURCE',
      `it holds memory ${source.memoryHash.slice(0, 12)}…, the snapshot has ${wanted.slice(0, 12)}…`,
      memoryPath,
      'it was made from another snapshot',
    );
  }
  return source;
}

function endsCompact(path: string): boolean {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return false; // said better by whoever opens it in earnest
  }
  try {
    const trailer = new Uint8Array(TRAILER_BYTES);
    const status = fstatSync(fd);
    const at = status.size - TRAILER_BYTES;
    return (
      status.isFile() &&
      at >= 0 &&
      readSync(fd, trailer, 0, TRAILER_BYTES, at) > 0 &&
      isCompact(trailer)
    );
  } finally {
    closeSync(fd);
  }
}
