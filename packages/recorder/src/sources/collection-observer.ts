// SPDX-License-Identifier: Apache-2.0
// Collections as the performance observer tells them, in any thread: times of all; heap sizes before and after
// (heap-sizes.ts) of one in each period. Node.js makes an entry of each in JavaScript after the pause, which
// prolongs what a server's slowest requests wait for: p99 is a tenth more even where nothing is done with it.
import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { now } from '../clock.ts';
import type { Cause, CollectionLedger, Collector } from './collection-ledger.ts';
import { HeapSizes } from './heap-sizes.ts';
import { every, type Gathering } from './source.ts';

interface Detail {
  readonly kind: number;
  readonly flags: number;
}

// What the observer tells is kept as numbers and committed together: after a collection the caches hold
// nothing of ours, and four commits there prolong the pause of a server by 0.1 ms, which its slowest requests
// feel; of forty in a row each is a microsecond.
const COMMIT_PERIOD = 500;
const CAPACITY = 256;
/** Numbers kept of a collection: start and duration in ticks, kind, flags. */
const WIDTH = 4;

export function observeCollections(ledger: CollectionLedger): Gathering {
  // performance.now() of this thread against the clock of events
  const zero = now() - performance.now() * 1e6;
  const sizes = new HeapSizes<{ id: number; start: number; end: number }>(
    ({ id, start, end }, { beforeGC, afterGC }) =>
      ledger.sizes(id, start, end, beforeGC.heapStatistics, afterGC.heapStatistics),
  );
  const gathered = new Float64Array(CAPACITY * WIDTH);
  let end = 0;
  const commit = (): void => {
    for (let at = 0; at < end; at += WIDTH) {
      const [kind, flags] = [gathered[at + 2]!, gathered[at + 3]!];
      ledger.commit(gathered[at]!, gathered[at + 1]!, collector(kind), cause(flags));
    }
    end = 0;
  };
  const observe = (entry: PerformanceEntry): void => {
    const { kind, flags } = (entry as PerformanceEntry & { detail: Detail }).detail;
    const start = Math.round(zero + entry.startTime * 1e6);
    const duration = Math.round(entry.duration * 1e6);
    const id = ledger.next + end / WIDTH;
    gathered[end] = start;
    gathered[end + 1] = duration;
    gathered[end + 2] = kind;
    gathered[end + 3] = flags;
    end += WIDTH;
    if (ledger.wantsSizes) {
      sizes.observe({ id, start, end: start + duration }, entry.startTime, performance.now());
    }
    if (end === gathered.length) commit();
  };
  const observer = new PerformanceObserver((list) => list.getEntries().forEach(observe));
  observer.observe({ entryTypes: ['gc'] });
  const look = (): void => {
    if (ledger.wantsSizes) sizes.begin(performance.now());
  };
  look();
  const periods = [every(ledger.sizesPeriod, look), every(COMMIT_PERIOD, commit)];
  const handOver = (): void => {
    for (const entry of observer.takeRecords()) observe(entry);
    commit();
  };
  return {
    handOver,
    stop() {
      for (const stop of periods) stop();
      handOver();
      sizes.end(performance.now());
      observer.disconnect();
    },
  };
}

function collector(kind: number): Collector {
  switch (kind) {
    case constants.NODE_PERFORMANCE_GC_MINOR:
      return 'Scavenger';
    case 2: // minor mark-sweep, where V8 has it
      return 'Minor Mark-Sweep';
    case constants.NODE_PERFORMANCE_GC_MAJOR:
      return 'Mark-Sweep-Compact';
    case constants.NODE_PERFORMANCE_GC_INCREMENTAL:
      return 'Incremental Marking';
    case constants.NODE_PERFORMANCE_GC_WEAKCB:
      return 'Weak Processing';
    default:
      return 'N/A';
  }
}

function cause(flags: number): Cause {
  if (flags & constants.NODE_PERFORMANCE_GC_FLAGS_FORCED) return 'Forced';
  if (flags & constants.NODE_PERFORMANCE_GC_FLAGS_ALL_AVAILABLE_GARBAGE) {
    return 'All Available Garbage';
  }
  if (flags & constants.NODE_PERFORMANCE_GC_FLAGS_ALL_EXTERNAL_MEMORY) return 'External Memory';
  if (flags & constants.NODE_PERFORMANCE_GC_FLAGS_SCHEDULE_IDLE) return 'Schedule Idle';
  if (flags & constants.NODE_PERFORMANCE_GC_FLAGS_CONSTRUCT_RETAINED) return 'Retained';
  return 'Allocation';
}
