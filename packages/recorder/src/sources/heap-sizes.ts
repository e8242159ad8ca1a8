// SPDX-License-Identifier: Apache-2.0
// Heap sizes before and after garbage collections, from V8's GC profiler. It gathers some fifty figures
// around each collection and hands them over as JSON, which took a server that collects two hundred times
// a second 5 % and more. So it is on only until it has seen a collection, and then again a period later,
// which takes it nothing. It knows no times: its entries and those of the performance observer, which has
// times but no sizes, are joined by order within the while that the profiler was on.
import { GCProfiler } from 'node:v8';

export interface HeapStatistics {
  readonly totalHeapSize: number;
  readonly usedHeapSize: number;
  readonly heapSizeLimit: number;
}

export interface ProfiledCollection {
  readonly beforeGC: { readonly heapStatistics: HeapStatistics };
  readonly afterGC: { readonly heapStatistics: HeapStatistics };
}

/** What the profiler is asked for; V8's own unless a test has another. */
export interface Profiler {
  start(): void;
  stop(): { readonly statistics: readonly ProfiledCollection[] } | undefined;
}

/** Joins collections, told in order by {@link observe}, with their heap sizes. */
export class HeapSizes<T> {
  readonly #found: (collection: T, sizes: ProfiledCollection) => void;
  readonly #make: () => Profiler;
  #profiler: Profiler | undefined;
  /** Milliseconds between which the profiler was on. */
  #from = Number.POSITIVE_INFINITY;
  #to = Number.NEGATIVE_INFINITY;
  #collections: T[] = [];
  #sizes: ProfiledCollection[] = [];

  constructor(
    found: (collection: T, sizes: ProfiledCollection) => void,
    make: () => Profiler = () => new GCProfiler() as unknown as Profiler,
  ) {
    this.#found = found;
    this.#make = make;
  }

  /** Begins a period. `millis` is the present, on the clock of the performance observer. */
  begin(millis: number): void {
    this.end(millis);
    this.#collections = [];
    this.#sizes = [];
    this.#from = millis;
    this.#to = Number.POSITIVE_INFINITY;
    this.#profiler = this.#make();
    this.#profiler.start();
  }

  /** Takes a collection that began at `startMillis`; `millis` is the present. */
  observe(collection: T, startMillis: number, millis: number): void {
    // the observer tells late: of collections before the profiler was on, or after it was off
    if (startMillis < this.#from || startMillis > this.#to) return;
    this.#collections.push(collection);
    this.end(millis);
    this.#join();
  }

  /** Has the profiler rest. */
  end(millis: number): void {
    if (this.#profiler === undefined) return;
    this.#to = millis;
    this.#sizes.push(...(this.#profiler.stop()?.statistics ?? []));
    this.#profiler = undefined;
    this.#join();
  }

  #join(): void {
    while (this.#collections.length > 0 && this.#sizes.length > 0) {
      this.#found(this.#collections.shift() as T, this.#sizes.shift() as ProfiledCollection);
    }
  }
}
