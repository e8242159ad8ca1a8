// SPDX-License-Identifier: Apache-2.0
// Collections of the main thread as V8's trace tells them (category `v8`; Node.js 20, 22 and 24 alike): V8 notes
// each in a buffer, and no JavaScript runs at the end of a pause. The trace is handed over when it ends, before
// that call returns, so it is asked in slices. Two inspector sessions take turns: the next slice begins before the
// last one ends, and what both tell is taken once. Only the main thread may ask, and is told of every thread.
import { Session } from 'node:inspector';
import { getHeapStatistics } from 'node:v8';
import type { Cause, CollectionLedger } from './collection-ledger.ts';
import { everySlice, type Gathering } from './source.ts';

/** An event of V8's trace, as far as it matters here. */
export interface TraceEvent {
  readonly name: string;
  /** `B` begins, `E` ends; `X` is a whole one, with a duration. */
  readonly ph: string;
  /** Thread id of the system. */
  readonly tid: number;
  /** Microseconds of CLOCK_MONOTONIC, on which the clock of events is based. */
  readonly ts: number;
  /** Microseconds. */
  readonly dur?: number;
  readonly args?: {
    readonly usedHeapSizeBefore?: number;
    readonly usedHeapSizeAfter?: number;
    readonly type?: string;
    readonly reason?: string;
  };
}

/** Begins; undefined where V8's trace cannot be had. */
export function traceCollections(ledger: CollectionLedger): Gathering | undefined {
  const reader = new TraceReader(process.pid, ledger);
  const sessions = [openSession(reader), openSession(reader)] as const;
  let current = 0;
  if (!begin(sessions[current]!)) {
    for (const session of sessions) session.disconnect();
    return undefined;
  }
  const handOver = (): void => {
    // a slice that nobody takes over goes on
    if (!begin(sessions[1 - current]!)) return;
    sessions[current]!.post('NodeTracing.stop');
    current = 1 - current;
  };
  const endSlices = everySlice(handOver);
  return {
    handOver,
    stop() {
      endSlices();
      sessions[current]!.post('NodeTracing.stop');
      for (const session of sessions) session.disconnect();
    },
  };
}

function openSession(reader: TraceReader): Session {
  const session = new Session();
  session.connect();
  session.on('NodeTracing.dataCollected', ({ params }) =>
    reader.read(params.value as unknown as TraceEvent[]),
  );
  return session;
}

function begin(session: Session): boolean {
  let begun = false;
  session.post('NodeTracing.start', { traceConfig: { includedCategories: ['v8'] } }, (error) => {
    begun = error === null;
  });
  return begun;
}

/** Finds the collections of one thread in a trace; slices may overlap. */
export class TraceReader {
  readonly #thread: number;
  readonly #ledger: CollectionLedger;
  readonly #open = new Map<string, TraceEvent>();
  /** Start of the last collection that was told, ticks. */
  #last = Number.NEGATIVE_INFINITY;
  #sizesFrom = Number.NEGATIVE_INFINITY;

  constructor(thread: number, ledger: CollectionLedger) {
    this.#thread = thread;
    this.#ledger = ledger;
  }

  read(events: readonly TraceEvent[]): void {
    for (const event of events) {
      if (event.tid !== this.#thread) continue;
      const { name, ph } = event;
      if (name === 'V8.GCIncrementalMarkingStart') {
        const [start, duration] = [ticks(event.ts), ticks(event.dur ?? 0)];
        if (this.#isNew(start)) {
          this.#ledger.commit(start, duration, 'Incremental Marking', cause(event.args?.reason));
        }
      } else if (name === 'MinorGC' || name === 'MajorGC') {
        if (ph === 'B') this.#open.set(name, event);
        else if (ph === 'E') this.#close(event);
      }
    }
  }

  #close(end: TraceEvent): void {
    const begin = this.#open.get(end.name);
    this.#open.delete(end.name);
    if (begin === undefined) return;
    const [start, to] = [ticks(begin.ts), ticks(end.ts)];
    if (!this.#isNew(start)) return;
    const id = this.#ledger.next;
    const collector = end.name === 'MinorGC' ? 'Scavenger' : 'Mark-Sweep-Compact';
    this.#ledger.commit(start, to - start, collector, cause(begin.args?.type));
    const before = begin.args?.usedHeapSizeBefore;
    const after = end.args?.usedHeapSizeAfter;
    if (!this.#ledger.wantsSizes || start < this.#sizesFrom) return;
    if (before === undefined || after === undefined) return;
    this.#sizesFrom = start + this.#ledger.sizesPeriod * 1e6;
    // what is committed and the limit are not in the trace: as they are at the end of the slice
    const { total_heap_size: totalHeapSize, heap_size_limit: heapSizeLimit } = getHeapStatistics();
    const sizes = (usedHeapSize: number) => ({ totalHeapSize, heapSizeLimit, usedHeapSize });
    this.#ledger.sizes(id, start, to, sizes(before), sizes(after));
  }

  #isNew(start: number): boolean {
    if (start <= this.#last) return false;
    this.#last = start;
    return true;
  }
}

function ticks(micros: number): number {
  return micros * 1000;
}

/** V8's reasons (`Heap::GarbageCollectionReasonToString`) in the words that the performance observer allows. */
function cause(reason = ''): Cause {
  if (reason === 'testing') return 'Forced';
  if (/external memory/.test(reason)) return 'External Memory';
  if (/idle/.test(reason)) return 'Schedule Idle';
  if (/low memory|last resort|memory reducer|memory pressure/.test(reason)) {
    return 'All Available Garbage';
  }
  return 'Allocation';
}
