// SPDX-License-Identifier: Apache-2.0
// How collections become events, whoever tells of them.
import {
  GarbageCollection,
  GCHeapSummary,
  GCPhasePause,
  OldGarbageCollection,
  YoungGarbageCollection,
} from '../jdk-events.ts';
import type { HeapStatistics } from './heap-sizes.ts';
import { periodMillis, type SourceContext } from './source.ts';

export type Collector =
  | 'Scavenger'
  | 'Minor Mark-Sweep'
  | 'Mark-Sweep-Compact'
  | 'Incremental Marking'
  | 'Weak Processing'
  | 'N/A';
export type Cause =
  | 'Allocation'
  | 'Forced'
  | 'External Memory'
  | 'Schedule Idle'
  | 'All Available Garbage'
  | 'Retained';

/** Takes what a way of watching learns of collections; times in ticks. */
export interface CollectionLedger {
  /** Whether anybody wants heap sizes. */
  readonly wantsSizes: boolean;
  /** Milliseconds between two collections of which the sizes are wanted. */
  readonly sizesPeriod: number;
  /** Id of the collection that is told next. */
  readonly next: number;
  /** Commits a collection, in the order in which they were. */
  commit(start: number, duration: number, collector: Collector, cause: Cause): void;
  sizes(
    id: number,
    start: number,
    end: number,
    before: HeapStatistics,
    after: HeapStatistics,
  ): void;
}

// GC ids count over all threads of the process in HotSpot; here each thread has a range of its own.
const IDS_PER_THREAD = 100_000;

export function makeLedger(context: SourceContext): CollectionLedger {
  const handles = {
    collection: context.handle(GarbageCollection),
    young: context.handle(YoungGarbageCollection),
    old: context.handle(OldGarbageCollection),
    pause: context.handle(GCPhasePause),
    heap: context.handle(GCHeapSummary),
  };
  let next = (context.threadKey % 20_000) * IDS_PER_THREAD + 1;
  const heap = (
    at: number,
    id: number,
    when: 'Before GC' | 'After GC',
    { totalHeapSize: size, heapSizeLimit: limit, usedHeapSize: used }: HeapStatistics,
  ): void => {
    handles.heap.commit(at, id, when, 0, size, size, limit, limit, used);
  };
  return {
    get wantsSizes() {
      return handles.heap.enabled;
    },
    sizesPeriod: periodMillis(context, GCHeapSummary, 1000),
    get next() {
      return next;
    },
    commit(start, duration, collector, cause) {
      const id = next++;
      handles.collection.commit(start, duration, id, collector, cause, duration, duration);
      if (collector === 'Scavenger' || collector === 'Minor Mark-Sweep') {
        handles.young.commit(start, duration, id, 1);
      } else {
        handles.old.commit(start, duration, id);
      }
      handles.pause.commit(start, duration, id, collector);
    },
    sizes(id, start, end, before, after) {
      heap(start, id, 'Before GC', before);
      heap(end, id, 'After GC', after);
    },
  };
}
