// SPDX-License-Identifier: Apache-2.0
// One VM's service from handshake to end, by either loop.
import { availableParallelism } from 'node:os';
import type { FaultEngineFunctions, UserFaultFd } from '@rekindle/linux';
import { now } from '@rekindle/recorder';
import { COUNTER, type Counters } from './counters.ts';
import type { FaultLog } from './fault-log.ts';
import { FaultLoop, type LoopParts } from './fault-loop.ts';
import type { GuestRange } from './guest-layout.ts';
import type { Ledger } from './ledger.ts';
import type { MemorySource } from './memory-source.ts';
import { NativeEngine } from './native-engine.ts';
import { type Peer, PeerWatch, turn } from './peer.ts';
import { Prefetcher } from './prefetch.ts';
import { type PrefetchPlan, wholeMemory } from './prefetch-plan.ts';
import { PrefetchUnits } from './prefetch-units.ts';
import type { RegionTable } from './region-table.ts';

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
  /** Whether the socket, readable, is at its end. */
  readonly ended: () => boolean;
  /** The policy wants nothing more before the VM runs. */
  readonly resumable: (pages: number, nanos: number) => void;
  readonly stopped: () => boolean;
  readonly stopping: Promise<void>;
}

/** How a service ended. */
export interface ServiceEnd {
  readonly reason: 'vm-ended' | 'detached';
  readonly counters: Counters;
  /** Events that are in no log, because nobody took them in time. */
  readonly lost: number;
}

/** Lets the VMM go on without us; false when it has gone already. */
function unregister(parts: ServiceParts): boolean {
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

/** Serves in this thread, which blocks; the event loop gets a turn a few times a second. */
export async function serveInTypeScript(parts: ServiceParts): Promise<ServiceEnd> {
  const { plan, table, zeroPage, source } = parts;
  const { counters } = parts.ledger;
  const loopParts: LoopParts = {
    ...parts,
    states: parts.ledger.states,
    counters,
    socket: parts.peer.socket,
    process: parts.peer.process,
  };
  const loop = new FaultLoop(loopParts, zeroPage);
  const start = now();
  let work = new Prefetcher(loopParts, plan.runs, zeroPage, plan.before);
  let resumable = false;
  let detaching = false;
  for (;;) {
    if (!resumable && work.completed >= plan.before) {
      resumable = true;
      parts.resumable(counters[COUNTER.prefetched]!, now() - start);
    }
    if (loop.run(work.finished ? undefined : work) === 'peer-gone') {
      return { reason: 'vm-ended', counters: counters.slice(), lost: 0 };
    }
    await turn();
    if (detaching && work.finished) {
      const reason = unregister(parts) ? 'detached' : 'vm-ended';
      return { reason, counters: counters.slice(), lost: 0 };
    }
    if (parts.stopped() && !detaching) {
      detaching = true;
      work = new Prefetcher(loopParts, wholeMemory(source, table.pageSize), zeroPage);
    }
  }
}

/** Most workers that prefetch before the VM runs; more than a few only contend for its page tables. */
const MOST_WORKERS = 4;

/** Serves in native threads; the event loop stays free. */
export async function serveNatively(
  parts: ServiceParts,
  functions: FaultEngineFunctions,
  source: number,
): Promise<ServiceEnd> {
  const { table, peer } = parts;
  const engine = new NativeEngine(functions, {
    ...parts,
    uffd: peer.uffd,
    pageSize: table.pageSize,
    regions: peer.regions,
    source,
  });
  const start = now();
  const ended = engine.start();
  const prefetched = (async () => {
    await engine.prefetch(parts.before, Math.min(MOST_WORKERS, availableParallelism()));
    parts.resumable(engine.counters[COUNTER.prefetched]!, now() - start);
    await engine.prefetch(parts.behind, 1);
  })();
  let detached = false;
  const detaching = parts.stopping.then(async () => {
    await prefetched;
    const rest = new PrefetchUnits(wholeMemory(parts.source, table.pageSize), table.pageSize);
    await engine.prefetch(rest, 1);
    rest.close();
    detached = unregister(parts);
    engine.stop();
  });
  const watch = new PeerWatch(peer, parts.ended);
  const gone = watch.gone.then(() => engine.stop());
  try {
    await Promise.race([ended, Promise.all([prefetched, detaching, gone]).then(() => ended)]);
  } finally {
    watch.close();
    await engine.close();
  }
  return {
    reason: detached ? 'detached' : 'vm-ended',
    counters: engine.counters,
    lost: engine.lost,
  };
}
