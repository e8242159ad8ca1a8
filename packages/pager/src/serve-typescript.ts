// SPDX-License-Identifier: Apache-2.0
import { now } from './clock.ts';
import { COUNTER } from './counters.ts';
import { FaultLoop, type LoopParts } from './fault-loop.ts';
import { turn } from './peer.ts';
import { Prefetcher } from './prefetch.ts';
import { wholeMemory } from './prefetch-plan.ts';
import { type ServiceEnd, type ServiceParts, unregister } from './service.ts';

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
      parts.resumable(counters[COUNTER.prefetched]!, now() - start, counters[COUNTER.stalled]!);
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
