// SPDX-License-Identifier: Apache-2.0
import type { GuestKernel } from './guest-kernel.ts';
import type { PageFrames } from './page-frames.ts';

/** Pages of files in memory, whether a process maps them or not. */
export class PageCache {
  readonly #kernel: GuestKernel;
  readonly #frames: PageFrames;
  readonly #files = new Map<number, ReadonlyMap<number, number>>();

  constructor(kernel: GuestKernel, frames: PageFrames) {
    this.#kernel = kernel;
    this.#frames = frames;
  }

  /** Frame that holds a page of the file of an address_space; undefined when none does. */
  frameOf(space: number, page: number): number | undefined {
    let file = this.#files.get(space);
    if (file === undefined) {
      file = this.#pagesOf(space);
      this.#files.set(space, file);
    }
    return file.get(page);
  }

  #pagesOf(space: number): Map<number, number> {
    const { count, known, head, mappingHigh, mappingLow, index } = this.#frames;
    const pages = new Map<number, number>();
    for (let frame = 0; frame < count; frame++) {
      if (known[frame] === 0) continue;
      const first = head[frame]!;
      if (mappingHigh[first] === 0 || (mappingLow[first]! & 3) !== 0) continue;
      if (this.#kernel.physical(mappingHigh[first]!, mappingLow[first]!) !== space) continue;
      pages.set(index[first]! + (frame - first), frame);
    }
    return pages;
  }
}
