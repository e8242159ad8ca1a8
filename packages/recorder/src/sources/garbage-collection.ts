// SPDX-License-Identifier: Apache-2.0
// Garbage collections: times from the performance observer, heap sizes before and after from V8's own
// GC profiler (which has no start times). The two are joined by order.
import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { GCProfiler, getHeapSpaceStatistics } from 'node:v8';
import { now } from '../clock.ts';
import {
  GarbageCollection,
  GCHeapSummary,
  GCPhasePause,
  OldGarbageCollection,
  YoungGarbageCollection,
} from '../jdk-events.ts';
import { HeapSpace } from '../node-events.ts';
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

interface HeapStatistics {
  readonly totalHeapSize: number;
  readonly usedHeapSize: number;
  readonly heapSizeLimit: number;
}

interface ProfiledCollection {
  readonly gcType: string;
  readonly beforeGC: { readonly heapStatistics: HeapStatistics };
  readonly afterGC: { readonly heapStatistics: HeapStatistics };
}

/** The profiler keeps what it saw until it is stopped. */
const SLICE_MILLIS = 1000;

// GC ids count over all threads of the process in HotSpot; here each thread has a range of its own.
const IDS_PER_THREAD = 100_000;

export const garbageCollection: Source = {
  name: 'garbage-collection',
  slices: true,
  events: [
    GarbageCollection,
    YoungGarbageCollection,
    OldGarbageCollection,
    GCPhasePause,
    GCHeapSummary,
  ],
  cost: 'within noise',
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
    let observed: { id: number; start: number; end: number }[] = [];
    let profiler = new GCProfiler();

    const observe = (entry: PerformanceEntry): void => {
      const { kind, flags } = (entry as PerformanceEntry & { detail: Detail }).detail;
      const start = Math.round(zero + entry.startTime * 1e6);
      const duration = Math.round(entry.duration * 1e6);
      const name = collector(kind);
      const young = name === 'Scavenger' || name === 'Minor Mark-Sweep';
      id++;
      handles.collection.commit(start, duration, id, name, cause(flags), duration, duration);
      if (young) handles.young.commit(start, duration, id, 1);
      else handles.old.commit(start, duration, id);
      handles.pause.commit(start, duration, id, name);
      observed.push({ id, start, end: start + duration });
    };
    const observer = new PerformanceObserver((list) => list.getEntries().forEach(observe));
    observer.observe({ entryTypes: ['gc'] });
    profiler.start();

    const slice = (): void => {
      const result = profiler.stop() as unknown as
        | { statistics?: ProfiledCollection[] }
        | undefined;
      profiler = new GCProfiler();
      profiler.start();
      for (const entry of observer.takeRecords()) observe(entry);
      const statistics = result?.statistics ?? [];
      const times = observed;
      observed = [];
      statistics.forEach(({ beforeGC, afterGC }, index) => {
        const time = times[index];
        if (time === undefined) return;
        const heap = (at: number, when: 'Before GC' | 'After GC', sizes: HeapStatistics): void => {
          const { totalHeapSize: size, heapSizeLimit: limit, usedHeapSize: used } = sizes;
          handles.heap.commit(at, time.id, when, 0, size, size, limit, limit, used);
        };
        heap(time.start, 'Before GC', beforeGC.heapStatistics);
        heap(time.end, 'After GC', afterGC.heapStatistics);
      });
    };
    const end = every(SLICE_MILLIS, slice);
    return () => {
      end();
      slice();
      profiler.stop();
      observer.disconnect();
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
