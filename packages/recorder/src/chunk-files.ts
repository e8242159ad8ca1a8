// SPDX-License-Identifier: Apache-2.0
// The files of the chunks in their directory: how they are named, and how they go.
import { mkdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { stamp } from './stamp.ts';

export class ChunkFiles {
  readonly directory: string;
  #lastName = '';
  #sameName = 0;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** Path of a chunk that begins now, `2026_11_22_10_00_00.jfr`; a second one in that second is `…_01.jfr`. */
  next(startNanos: bigint): string {
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    const name = stamp(new Date(Number(startNanos / 1_000_000n)));
    this.#sameName = name === this.#lastName ? this.#sameName + 1 : 0;
    this.#lastName = name;
    const suffix = this.#sameName === 0 ? '' : `_${String(this.#sameName).padStart(2, '0')}`;
    return join(this.directory, `${name}${suffix}.jfr`);
  }

  /** Removes the directory if it is empty. */
  removeDirectory(): void {
    try {
      rmdirSync(this.directory);
    } catch {
      // somebody put a file there, or there never was one
    }
  }
}

/** A file that cannot be removed, on a disk that became read-only, stays: nobody is to fail for it. */
export function removeFile(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // it is there for whoever cleans up the disk
  }
}
