// SPDX-License-Identifier: Apache-2.0
import type { MemorySource } from './memory-source.ts';
import type { PagerPolicy } from './options.ts';
import type { PrefetchRun } from './prefetch.ts';
import type { WorkingSet } from './working-set.ts';

/** The runs that a policy installs ahead of demand, in order. */
export interface PrefetchPlan {
  readonly runs: readonly PrefetchRun[];
  /** After how many of them the VM may run. */
  readonly before: number;
}

/** Every page that has data. */
export function wholeMemory(source: MemorySource, pageSize: number): PrefetchRun[] {
  return source.extents.map(({ start, end }) => {
    const page = Math.floor(start / pageSize);
    return { page, pages: Math.ceil(end / pageSize) - page, zero: false };
  });
}

/** What a policy installs when. */
export function planPrefetch(
  policy: PagerPolicy,
  set: WorkingSet | undefined,
  source: MemorySource,
  pageSize: number,
): PrefetchPlan {
  if (policy === 'on-demand') return { runs: [], before: 0 };
  if (policy === 'all') {
    const runs = wholeMemory(source, pageSize);
    return { runs, before: runs.length };
  }
  const data = (set?.runs ?? []).map((run) => ({ ...run, zero: false }));
  const zero = (set?.zeroRuns ?? []).map((run) => ({ ...run, zero: true }));
  const hot = set?.hotRuns ?? 0;
  // What must be in before anybody asks is fetched in file order, which disks and page tables like; what
  // is fetched behind a running VM, in the order in which it will be asked for.
  const inFileOrder = (runs: PrefetchRun[]): PrefetchRun[] => runs.sort((a, b) => a.page - b.page);
  if (policy === 'prefetch') {
    const runs = [...inFileOrder(data), ...inFileOrder(zero)];
    return { runs, before: runs.length };
  }
  if (policy === 'concurrent') return { runs: [...data, ...zero], before: 0 };
  const runs = [...inFileOrder(data.slice(0, hot)), ...zero, ...data.slice(hot)];
  return { runs, before: hot };
}
