// SPDX-License-Identifier: Apache-2.0
// Garbage collections. Those of the main thread come from V8's trace, others from the performance observer.
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
import { makeLedger } from './collection-ledger.ts';
import { observeCollections } from './collection-observer.ts';
import { traceCollections } from './collection-trace.ts';
import { every, periodMillis, type Source, type SourceContext } from './source.ts';

export const garbageCollection: Source = {
  name: 'garbage-collection',
  events: [
    GarbageCollection,
    YoungGarbageCollection,
    OldGarbageCollection,
    GCPhasePause,
    GCHeapSummary,
  ],
  cost: 'within noise; in workers up to 4 % where there are 100 a second',
  start(context) {
    const ledger = makeLedger(context);
    return (
      (context.mainThread ? traceCollections(ledger) : undefined) ?? observeCollections(ledger)
    );
  },
};

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
