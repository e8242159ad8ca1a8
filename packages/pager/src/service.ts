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
import { Prefetcher, type PrefetchRun } from './prefetch.ts';
import { type PrefetchPlan, wholeMemory } from './prefetch-plan.ts';
import { PrefetchUnits } from './prefetch-units.ts';
import type { RegionTable } from './region-table.ts';
import { WasteMeter } from './waste-meter.ts';

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
  readonly measureWaste: boolean;
  readonly stopped: () => boolean;
  readonly stopping: Promise<void>;
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
      return { reason: 'vm-ended', counters: counters.slice(), lost: 0, wasted: -1 };
    }
    await turn();
    if (detaching && work.finished) {
      const reason = unregister(parts) ? 'detached' : 'vm-ended';
      return { reason, counters: counters.slice(), lost: 0, wasted: -1 };
    }
    if (parts.stopped() && !detaching) {
      detaching = true;
      work = new Prefetcher(loopParts, wholeMemory(source, table.pageSize), zeroPage);
    }
  }
}

/** How often the touched pages are counted. The last count before the VM's end is what is told. */
const SAMPLE_MILLIS = 500;

function startMeter({ peer, table }: ServiceParts): WasteMeter | undefined {
  const meter = new WasteMeter(peer.pid, peer.regions, table.pageSize);
  return meter.begin() ? meter : undefined;
}

/** Pages that came because somebody asked. */
const faultedPages = (counters: Counters): number =>
  counters[COUNTER.copied]! + counters[COUNTER.zeroed]!;

/** Pages fetched side by side before they are installed. */
const FETCHED_AT_ONCE = 512;

/** The pages of runs, in pieces. */
function* piecesOf(runs: readonly PrefetchRun[]): Generator<number[]> {
  let piece: number[] = [];
  for (const run of runs) {
    for (let page = run.page; page < run.page + run.pages; page++) {
      piece.push(page);
      if (piece.length === FETCHED_AT_ONCE) {
        yield piece;
        piece = [];
      }
    }
  }
  if (piece.length > 0) yield piece;
}

/** Neighbouring pages as runs; whether they are zero, the page states know. */
function runsOf(pages: readonly number[]): PrefetchRun[] {
  const runs: { page: number; pages: number; zero: boolean }[] = [];
  for (const page of pages) {
    const last = runs.at(-1);
    if (last !== undefined && last.page + last.pages === page) last.pages++;
    else runs.push({ page, pages: 1, zero: false });
  }
  return runs;
}

/** Most workers that prefetch before the VM runs; more than a few only contend for its page tables. */
const MOST_WORKERS = 4;

/** Serves in native threads; the event loop stays free. */
export async function serveNatively(
  parts: ServiceParts,
  functions: FaultEngineFunctions,
): Promise<ServiceEnd> {
  const { table, peer, source, plan } = parts;
  const { lazy } = source;
  const want = (page: number): void => {
    lazy?.load(page).then(
      () => engine.retry(),
      (error: Error) => engine.abandon(error),
    );
  };
  const engine = new NativeEngine(functions, {
    ...parts,
    uffd: peer.uffd,
    pageSize: table.pageSize,
    regions: peer.regions,
    source: source.mapped,
    index: source.index,
    want: lazy === undefined ? undefined : want,
  });
  const install = async (runs: readonly PrefetchRun[], units: PrefetchUnits, workers: number) => {
    if (lazy === undefined) return engine.prefetch(units, workers);
    for (const piece of piecesOf(runs)) {
      await Promise.all(piece.map((page) => lazy.load(page)));
      const fetched = new PrefetchUnits(runsOf(piece), table.pageSize);
      await engine.prefetch(fetched, 1);
      fetched.close();
    }
  };
  const start = now();
  const ended = engine.start();
  let meter: WasteMeter | undefined;
  const prefetched = (async () => {
    const workers = Math.min(MOST_WORKERS, availableParallelism());
    await install(plan.runs.slice(0, plan.before), parts.before, workers);
    if (parts.measureWaste) meter = startMeter(parts);
    parts.resumable(engine.counters[COUNTER.prefetched]!, now() - start);
    await install(plan.runs.slice(plan.before), parts.behind, 1);
  })();
  const sampling = setInterval(() => meter?.sample(), SAMPLE_MILLIS);
  let detached = false;
  const detaching = parts.stopping.then(async () => {
    await prefetched;
    const runs = wholeMemory(source, table.pageSize);
    const rest = new PrefetchUnits(runs, table.pageSize);
    await install(runs, rest, 1);
    rest.close();
    detached = unregister(parts);
    engine.stop();
  });
  const watch = new PeerWatch(peer, parts.ended);
  const gone = watch.gone.then(() => engine.stop());
  try {
    await Promise.race([ended, Promise.all([prefetched, detaching, gone]).then(() => ended)]);
  } finally {
    clearInterval(sampling);
    watch.close();
    await engine.close();
  }
  return {
    reason: detached ? 'detached' : 'vm-ended',
    counters: engine.counters,
    lost: engine.lost,
    wasted:
      meter?.wasted(engine.counters[COUNTER.prefetched]!, faultedPages(engine.counters)) ?? -1,
  };
}
