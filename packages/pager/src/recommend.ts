// SPDX-License-Identifier: Apache-2.0
// Which way to restore is best follows from where the memory is now. Measured (bench/pager, facts of the
// kernel): a page that the page cache holds costs 0.2 us through a private mapping of the file, 0.5 to
// 1 us when a pager installs it ahead, 3 us and more when it faults; a page on disk 50 us and more.
import { closeSync, existsSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { dataExtents, mapFile } from '@rekindle/linux';
import type { PagerPolicy } from './options.ts';
import { decodeWorkingSet, type WorkingSet } from './working-set.ts';

/** A way to restore and why; `file`: without a pager, the VMM maps the file. */
export interface Recommendation {
  readonly policy: 'file' | PagerPolicy;
  /** One clause, for people. */
  readonly reason: string;
  /** Share of the pages that matter which the page cache holds, 0 to 1. */
  readonly cached: number;
}

/** From here on the page cache is as good as memory. */
const WARM = 0.95;

/**
 * A memory with less data than this is read whole in the time that a pager takes to start, twice over: without a
 * working set the kernel's readahead does better than faults one by one. Bytes.
 */
const SOON_READ = 256 << 20;

/**
 * Looks at a snapshot and says how to restore it.
 * @param memoryPath a plain memory file
 * @param workingSetPath its working set, if there is one
 * @param recorded whether the faults are to be recorded: only a pager sees them
 */
export function recommendPolicy(
  memoryPath: string,
  workingSetPath: string | undefined,
  recorded = false,
): Recommendation {
  const set =
    workingSetPath !== undefined && existsSync(workingSetPath)
      ? decodeWorkingSet(readFileSync(workingSetPath), workingSetPath)
      : undefined;
  const { cached, data } = stateOf(memoryPath, set);
  const percent = `${Math.round(cached * 100)} %`;
  const what = set === undefined ? 'the memory file' : 'the working set';
  if (cached >= WARM && !recorded) {
    return { policy: 'file', reason: `${percent} of ${what} is in the page cache`, cached };
  }
  if (set !== undefined) {
    const why = recorded ? 'faults are recorded' : `only ${percent} of it is in the page cache`;
    return { policy: 'prefetch', reason: `there is a working set and ${why}`, cached };
  }
  if (!recorded && data <= SOON_READ) {
    const reason = `there is no working set yet and only ${data >> 20} MiB to read`;
    return { policy: 'file', reason, cached };
  }
  return { policy: 'on-demand', reason: 'there is no working set yet', cached };
}

/** Which share of what matters the page cache holds, and how many bytes of data there are; holes do not count. */
function stateOf(path: string, set: WorkingSet | undefined): { cached: number; data: number } {
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    const extents = dataExtents(fd, size);
    const data = extents.reduce((sum, { start, end }) => sum + end - start, 0);
    const mapping = mapFile(fd, size);
    try {
      const resident = mapping.residency();
      const runs =
        set?.runs.map(({ page, pages }) => {
          const start = page * set.pageSize;
          return { start, end: start + pages * set.pageSize };
        }) ?? extents;
      let pages = 0;
      let present = 0;
      for (const { start, end } of runs) {
        const [from, to] = [Math.floor(start / 4096), Math.ceil(end / 4096)];
        pages += to - from;
        present += share(resident, from, to);
      }
      return { cached: pages === 0 ? 1 : present / pages, data };
    } finally {
      mapping.unmap();
    }
  } finally {
    closeSync(fd);
  }
}

function share(resident: Uint8Array, from: number, to: number): number {
  let count = 0;
  for (let page = from; page < to; page++) count += resident[page]!;
  return count;
}
