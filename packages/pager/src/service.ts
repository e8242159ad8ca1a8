// SPDX-License-Identifier: Apache-2.0
// What a service of one VM works with, whichever loop serves it, and how it ends.
import type { UserFaultFd } from '@rekindle/linux';
import type { Counters } from './counters.ts';
import type { FaultLog } from './fault-log.ts';
import type { GuestRange } from './guest-layout.ts';
import type { Ledger } from './ledger.ts';
import type { MemorySource } from './memory-source.ts';
import { PAGE } from './page-states.ts';
import type { Peer } from './peer.ts';
import type { PrefetchPlan } from './prefetch-plan.ts';
import type { PrefetchUnits } from './prefetch-units.ts';
import type { RegionTable } from './region-table.ts';
import type { SharedPages } from './shared-pages.ts';

/** Everything a service works with. */
export interface ServiceParts {
  readonly peer: Peer;
  readonly uffd: UserFaultFd;
  readonly table: RegionTable;
  readonly layout: readonly GuestRange[];
  readonly source: MemorySource;
  readonly ledger: Ledger;
  readonly log: FaultLog;
  readonly plan: PrefetchPlan;
  /** The plan's runs before the VM runs, and behind it, for the native engine. */
  readonly before: PrefetchUnits;
  readonly behind: PrefetchUnits;
  /** Address of a page of zeroes where ZEROPAGE does not work, else 0. */
  readonly zeroPage: number;
  /** Memory that clones share, where the VMM maps it. */
  readonly shared: SharedPages | undefined;
  /** Whether the socket, readable, is at its end. */
  readonly ended: () => boolean;
  /** The policy wants nothing more before the VM runs. */
  readonly resumable: (pages: number, nanos: number, stalled: number) => void;
  readonly measureWaste: boolean;
  readonly stopped: () => boolean;
  readonly stopping: Promise<void>;
  /** No other VM is served in this process: the thread may block. */
  readonly alone: boolean;
}

/** How a service ended. */
export interface ServiceEnd {
  readonly reason: 'vm-ended' | 'detached';
  readonly counters: Counters;
  /** Events that are in no log, because nobody took them in time. */
  readonly lost: number;
  /** Prefetched pages that nobody touched; -1: not known. */
  readonly wasted: number;
}

/**
 * Installs zero pages wherever a VM that maps shared memory has nothing yet: left to itself it would find there what
 * the snapshot holds, also where it gave pages back.
 */
export function zeroRest({ uffd, table, ledger }: ServiceParts): void {
  const { states } = ledger;
  const zero = PAGE.zero | PAGE.removed;
  for (let page = 0; page < states.length; page++) {
    const state = states[page]!;
    if ((state & zero) === 0 || (state & PAGE.installed) !== 0) continue;
    const offset = page * table.pageSize;
    const region = table.regions[table.findOffset(offset)]!;
    // One by one: EEXIST of a page that somebody installed meanwhile is as good.
    uffd.zero(region.hostVirtual + (offset - region.offset), table.pageSize, true);
  }
}

/** Lets the VMM go on without us; false when it has gone already. */
export function unregister(parts: ServiceParts): boolean {
  try {
    for (const region of parts.peer.regions) {
      parts.uffd.unregister(region.hostVirtual, region.size);
    }
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === 'ESRCH') return false;
    throw error;
  }
}
