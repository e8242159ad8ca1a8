// SPDX-License-Identifier: Apache-2.0
// Which prefetched pages nobody touched: the processor marks every page that a process touches in its
// page table, the kernel lets us clear the marks and counts them again. proc(5): clear_refs, smaps.
// This sees what the VMM's process touches: an emulated guest's accesses, but not those of a guest that
// runs by KVM on extended page tables. For that the comparison with a run on demand has to do.
import { readFileSync, writeFileSync } from 'node:fs';
import type { HandshakeRegion } from './handshake.ts';

/** Sum of `Referenced` over the parts of smaps that lie inside the regions, bytes. */
export function referencedBytes(
  smaps: string,
  regions: readonly Pick<HandshakeRegion, 'hostVirtual' | 'size'>[],
): number {
  let inside = false;
  let bytes = 0;
  for (const line of smaps.split('\n')) {
    const range = /^([0-9a-f]+)-([0-9a-f]+) /.exec(line);
    if (range !== null) {
      const start = Number.parseInt(range[1]!, 16);
      const end = Number.parseInt(range[2]!, 16);
      inside = regions.some((r) => start < r.hostVirtual + r.size && end > r.hostVirtual);
    } else if (inside && line.startsWith('Referenced:')) {
      bytes += Number(/\d+/.exec(line)?.[0] ?? 0) * 1024;
    }
  }
  return bytes;
}

/** Counts the pages that a VMM's process has touched since {@link begin}. */
export class WasteMeter {
  readonly #directory: string;
  readonly #regions: readonly HandshakeRegion[];
  readonly #pageSize: number;
  #touched = -1;

  constructor(pid: number, regions: readonly HandshakeRegion[], pageSize: number) {
    this.#directory = `/proc/${pid}`;
    this.#regions = regions;
    this.#pageSize = pageSize;
  }

  /** Forgets what was touched so far. @returns false where that is not permitted */
  begin(): boolean {
    try {
      writeFileSync(`${this.#directory}/clear_refs`, '1');
      this.sample();
      const readable = this.#touched >= 0;
      // That was of no time at all: what counts is what comes after.
      this.#touched = -1;
      return readable;
    } catch {
      return false;
    }
  }

  /** Counts again; of a process that has ended the last count stays. */
  sample(): void {
    try {
      const smaps = readFileSync(`${this.#directory}/smaps`, 'latin1');
      const bytes = referencedBytes(smaps, this.#regions);
      if (bytes > 0 || this.#touched < 0) this.#touched = Math.round(bytes / this.#pageSize);
    } catch {
      // It has ended between two samples.
    }
  }

  /**
   * Prefetched pages that were not touched up to the last sample, or -1 when nothing was counted.
   * @param faulted pages that came on demand: those were touched for certain
   */
  wasted(prefetched: number, faulted: number): number {
    if (this.#touched < 0) return -1;
    const touched = Math.max(0, this.#touched - faulted);
    return Math.max(0, prefetched - touched);
  }
}
