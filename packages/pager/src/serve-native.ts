// SPDX-License-Identifier: Apache-2.0
import { availableParallelism } from 'node:os';
import type { FaultEngineFunctions } from '@rekindle/linux';
import { now } from './clock.ts';
import { COUNTER, type Counters } from './counters.ts';
import { installFetched } from './install-fetched.ts';
import { NativeEngine } from './native-engine.ts';
import { PeerWatch } from './peer.ts';
import type { PrefetchRun } from './prefetch.ts';
import { wholeMemory } from './prefetch-plan.ts';
import { PrefetchUnits } from './prefetch-units.ts';
import { type ServiceEnd, type ServiceParts, unregister, zeroRest } from './service.ts';
import { WasteMeter } from './waste-meter.ts';

/**
 * How often the touched pages are counted, where that was asked for. The last count before the VM's end is what is
 * told; a VM may end right after its first answer.
 */
const SAMPLE_MILLIS = 50;

function startMeter({ peer, table }: ServiceParts): WasteMeter | undefined {
  const meter = new WasteMeter(peer.pid, peer.regions, table.pageSize);
  return meter.begin() ? meter : undefined;
}

/** Pages that came because somebody asked. */
const faultedPages = (counters: Counters): number =>
  counters[COUNTER.copied]! + counters[COUNTER.zeroed]!;

/** Most workers that prefetch before the VM runs; more than a few only contend for its page tables. */
const MOST_WORKERS = 4;
/** Looked up once: Node.js reads the limits of control groups for it, which takes as long as installing 200 pages. */
const WORKERS: number = Math.min(MOST_WORKERS, availableParallelism());

/** Serves in native threads; the event loop stays free. */
export async function serveNatively(
  parts: ServiceParts,
  functions: FaultEngineFunctions,
): Promise<ServiceEnd> {
  const { table, peer, source, plan } = parts;
  const { lazy } = source;
  const want = (page: number): void => {
    lazy?.load(page, true).then(
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
  const install = (runs: readonly PrefetchRun[], units: PrefetchUnits, workers: number) =>
    lazy === undefined
      ? engine.prefetch(units, workers, parts.alone)
      : installFetched(engine, lazy, runs, table.pageSize);
  const start = now();
  const ended = engine.start();
  let meter: WasteMeter | undefined;
  const prefetched = (async () => {
    await install(plan.runs.slice(0, plan.before), parts.before, WORKERS);
    if (parts.measureWaste) meter = startMeter(parts);
    const { counters } = engine;
    parts.resumable(counters[COUNTER.prefetched]!, now() - start, counters[COUNTER.stalled]!);
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
    if (parts.shared !== undefined) zeroRest(parts);
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
