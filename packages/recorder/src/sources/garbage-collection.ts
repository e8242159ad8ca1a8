// SPDX-License-Identifier: Apache-2.0
// Garbage collections: times from the performance observer, of all of them; heap sizes before and after
// (heap-sizes.ts) of one in each period.
import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics } from 'node:v8';
import { now } from '../clock.ts';
import {
  GarbageCollection,
  GCHeapSummary,
  GCPhasePause,
  OldGarbageCollection,
  YoungGarbageCollection,
} from '../jdk-events.ts';
import { HeapSpace } from '../node-events.ts';
import { HeapSizes, type HeapStatistics } from './heap-sizes.ts';
import { every, periodMillis, type Source, type SourceContext } from './source.ts';

type Collector =
  | 'Scavenger'
  | 'Minor Mark-Sweep'
  | 'Mark-Sweep-Compact'
  | 'Incremental Marking'
  | 'Weak Processing'
  | 'N/A';
type Cause =
  | 'Allocation'
  | 'Forced'
  | 'External Memory'
  | 'Schedule Idle'
  | 'All Available Garbage'
  | 'Retained';

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

// GC ids count over all threads of the process in HotSpot; here each thread has a range of its own.
const IDS_PER_THREAD = 100_000;

export const garbageCollection: Source = {
  name: 'garbage-collection',
  events: [
    GarbageCollection,
    YoungGarbageCollection,
    OldGarbageCollection,
    GCPhasePause,
    GCHeapSummary,
  ],
  cost: 'up to 4 % where there are 100 a second',
  start(context) {
    const handles = {
      collection: context.handle(GarbageCollection),
      young: context.handle(YoungGarbageCollection),
      old: context.handle(OldGarbageCollection),
      pause: context.handle(GCPhasePause),
      heap: context.handle(GCHeapSummary),
    };
    // performance.now() of this thread against the clock of events
    const zero = now() - performance.now() * 1e6;
    let id = (context.threadKey % 20_000) * IDS_PER_THREAD;
    const sizes = new HeapSizes<{ id: number; start: number; end: number }>(
      ({ id, start, end }, { beforeGC, afterGC }) => {
        const heap = (at: number, when: 'Before GC' | 'After GC', sizes: HeapStatistics): void => {
          const { totalHeapSize: size, heapSizeLimit: limit, usedHeapSize: used } = sizes;
          handles.heap.commit(at, id, when, 0, size, size, limit, limit, used);
        };
        heap(start, 'Before GC', beforeGC.heapStatistics);
        heap(end, 'After GC', afterGC.heapStatistics);
      },
    );
    const gathered = new Float64Array(CAPACITY * WIDTH);
    let [end, committed] = [0, id];
    const commit = (): void => {
      for (let at = 0; at < end; at += WIDTH) {
        const [start, duration] = [gathered[at]!, gathered[at + 1]!];
        const [kind, flags] = [gathered[at + 2]!, gathered[at + 3]!];
        const name = collector(kind);
        const young = name === 'Scavenger' || name === 'Minor Mark-Sweep';
        const own = ++committed;
        handles.collection.commit(start, duration, own, name, cause(flags), duration, duration);
        if (young) handles.young.commit(start, duration, own, 1);
        else handles.old.commit(start, duration, own);
        handles.pause.commit(start, duration, own, name);
      }
      end = 0;
    };
    const observe = (entry: PerformanceEntry): void => {
      const { kind, flags } = (entry as PerformanceEntry & { detail: Detail }).detail;
      const start = Math.round(zero + entry.startTime * 1e6);
      const duration = Math.round(entry.duration * 1e6);
      gathered[end] = start;
      gathered[end + 1] = duration;
      gathered[end + 2] = kind;
      gathered[end + 3] = flags;
      end += WIDTH;
      id++;
      if (handles.heap.enabled) {
        sizes.observe({ id, start, end: start + duration }, entry.startTime, performance.now());
      }
      if (end === gathered.length) commit();
    };
    const observer = new PerformanceObserver((list) => list.getEntries().forEach(observe));
    observer.observe({ entryTypes: ['gc'] });
    const look = (): void => {
      if (handles.heap.enabled) sizes.begin(performance.now());
    };
    look();
    const periods = [
      every(periodMillis(context, GCHeapSummary, 1000), look),
      every(COMMIT_PERIOD, commit),
    ];
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
  },
};

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

export const heapSpaces: Source = {
  name: 'heap-spaces',
  events: [HeapSpace],
  cost: '10 µs each time',
  start(context: SourceContext) {
    const handle = context.handle(HeapSpace);
    const report = (): void => {
      const time = now();
      for (const space of getHeapSpaceStatistics()) {
        const { space_name, space_size, space_used_size, space_available_size } = space;
        handle.commit(time, space_name, space_size, space_used_size, space_available_size);
      }
    };
    report();
    return every(periodMillis(context, HeapSpace, 10_000), report);
  },
};
