// SPDX-License-Identifier: Apache-2.0
// Which way to restore is best follows from where the memory is now. Measured (bench/pager, facts of the
// kernel): a page that the page cache holds costs 0.2 us through a private mapping of the file, 0.5 to
// 1 us when a pager installs it ahead, 3 us and more when it faults; a page on disk 50 us and more.
import { closeSync, existsSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { mapFile } from '@rekindle/linux';
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
  const cached = cachedShare(memoryPath, set);
  const percent = `${Math.round(cached * 100)} %`;
  const what = set === undefined ? 'the memory file' : 'the working set';
  if (cached >= WARM && !recorded) {
    return { policy: 'file', reason: `${percent} of ${what} is in the page cache`, cached };
  }
  if (set !== undefined) {
    const why = recorded ? 'faults are recorded' : `only ${percent} of it is in the page cache`;
    return { policy: 'prefetch', reason: `there is a working set and ${why}`, cached };
  }
  return { policy: 'on-demand', reason: 'there is no working set yet', cached };
}

function cachedShare(path: string, set: WorkingSet | undefined): number {
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    const mapping = mapFile(fd, size);
    try {
      const resident = mapping.residency();
      if (set === undefined) return share(resident, 0, resident.length) / resident.length;
      const scale = set.pageSize / 4096;
      let pages = 0;
      let present = 0;
      for (const run of set.runs) {
        pages += run.pages * scale;
        present += share(resident, run.page * scale, (run.page + run.pages) * scale);
      }
      return pages === 0 ? 1 : present / pages;
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
