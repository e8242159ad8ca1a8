// SPDX-License-Identifier: Apache-2.0
// Allocation samples of V8's sampling heap profiler, through an inspector session of this thread. It gives
// its samples only when it ends, and does a full garbage collection then, after which V8 compiles much of
// the program again: 0.3 s of processor time of a small server, more where the heap is large. So it is
// asked ever more seldom, up to the period of the event.
import { Session } from 'node:inspector';
import { now } from '../clock.ts';
import type { Frame } from '../frames.ts';
import { ObjectAllocationSample } from '../jdk-events.ts';
import { perSecond } from '../settings.ts';
import { type CallFrame, toFrame } from './call-frame.ts';
import { periodMillis, type Source } from './source.ts';

/** Milliseconds until V8 is asked for the first time, at least; each further time takes twice as long. */
const FIRST_SLICE = 15_000;
/** The same as a share of the period. */
const FIRST_SHARE = 1 / 5;
/** Share of the time that asking may take: the larger the heap, the longer the slices. */
const SHARE = 1 / 1000;
/** Least bytes allocated between two samples, on average. */
const LEAST_INTERVAL = 512 * 1024;
/** Most: of a program that makes 100 MB a second, a sample in ten seconds. */
const MOST_INTERVAL: number = 1 << 30;
/** A timer holds at most 2^31 ms. */
const LONGEST_SLICE: number = 2 ** 31 - 1;
/** Samples committed in one turn of the event loop. */
const BATCH = 256;
const DEPTH = 64;

interface HeapNode {
  readonly id: number;
  readonly callFrame: CallFrame;
  readonly children: readonly HeapNode[];
}

interface HeapProfile {
  readonly head: HeapNode;
  readonly samples: readonly {
    readonly size: number;
    readonly nodeId: number;
    readonly ordinal: number;
  }[];
}

/** Samples of a slice that are not committed yet. */
interface Gathered {
  readonly samples: HeapProfile['samples'];
  readonly frames: ReadonlyMap<number, readonly Frame[]>;
  readonly from: number;
  readonly to: number;
  readonly interval: number;
  next: number;
}

export const allocationProfile: Source = {
  name: 'allocation-profile',
  events: [ObjectAllocationSample],
  cost: 'within noise, and 0.3 s of processor time whenever the period ends',
  start(context) {
    const handle = context.handle(ObjectAllocationSample);
    const longest = periodMillis(context, ObjectAllocationSample, FIRST_SLICE);
    const rate = perSecond(context.setting(ObjectAllocationSample, 'throttle') ?? 'off');
    const session = new Session();
    session.connect();
    session.post('HeapProfiler.enable');
    let slice = Math.min(longest, Math.max(FIRST_SLICE, longest * FIRST_SHARE));
    // Until it is known how much the program allocates: the longer the slice, the sparser. A server that
    // makes a gigabyte a second gives 150 samples a second at the 8 MiB with which default settings begin.
    let interval = LEAST_INTERVAL * Math.min(16, (slice / FIRST_SLICE) ** 2);
    let began = now();
    const sample = (): void => {
      began = now();
      session.post('HeapProfiler.startSampling', {
        samplingInterval: interval,
        // without these only what is still alive would be told
        includeObjectsCollectedByMajorGC: true,
        includeObjectsCollectedByMinorGC: true,
      } as never);
    };
    // Begun anew for each slice: V8 keeps every sample until it is stopped.
    const stop = (): Gathered | undefined => {
      let gathered: Gathered | undefined;
      session.post('HeapProfiler.stopSampling', (error, result) => {
        if (error !== null) return;
        const { head, samples } = (result as unknown as { profile: HeapProfile }).profile;
        const sorted = [...samples].sort((a, b) => a.ordinal - b.ordinal);
        gathered = {
          samples: sorted,
          frames: stacks(head),
          from: began,
          to: now(),
          interval,
          next: 0,
        };
      });
      return gathered;
    };
    // samples have an order but no times: spread evenly over the slice
    const commit = (gathered: Gathered, count: number): boolean => {
      const { samples, frames, from, to } = gathered;
      const end = Math.min(samples.length, gathered.next + count);
      for (; gathered.next < end; gathered.next++) {
        const { size, nodeId } = samples[gathered.next]!;
        const at = Math.round(from + ((to - from) * (gathered.next + 1)) / (samples.length + 1));
        const weight = Math.max(size, gathered.interval);
        handle.commit(at, context.threadKey, frames.get(nodeId) ?? [], 'Object', weight);
      }
      return end === samples.length;
    };

    let last: Gathered | undefined;
    let turn: NodeJS.Immediate | undefined;
    const commitBatch = (): void => {
      turn = last === undefined || commit(last, BATCH) ? undefined : setImmediate(commitBatch);
      turn?.unref();
    };
    let timer: NodeJS.Timeout;
    const wait = (): void => {
      timer = setTimeout(turnSlice, Math.min(slice, LONGEST_SLICE));
      timer.unref();
    };
    const turnSlice = (): void => {
      const asked = now();
      last = stop();
      const pause = (now() - asked) / 1e6;
      if (last !== undefined) interval = nextInterval(last, rate);
      sample();
      commitBatch();
      slice = Math.max(Math.min(slice * 2, longest), pause / SHARE);
      wait();
    };
    /** Commits all there is, at once. */
    const endSlice = (): void => {
      clearTimeout(timer);
      if (turn !== undefined) clearImmediate(turn);
      turn = undefined;
      if (last !== undefined) commit(last, Number.POSITIVE_INFINITY);
      last = stop();
      if (last !== undefined) commit(last, Number.POSITIVE_INFINITY);
    };
    sample();
    wait();
    return {
      handOver() {
        endSlice();
        sample();
        wait();
      },
      stop() {
        endSlice();
        session.disconnect();
      },
    };
  },
};

/** As many samples as the throttle lets through, and no more: each costs a walk over the stack. */
function nextInterval({ samples, from, to, interval }: Gathered, rate: number): number {
  const perSecond = (samples.length * 1e9) / Math.max(1, to - from);
  const wanted = Math.round((perSecond * interval) / Math.max(rate, 1e-3));
  return Math.min(MOST_INTERVAL, Math.max(LEAST_INTERVAL, wanted));
}

/** The frames of each node, innermost first. */
function stacks(head: HeapNode): Map<number, readonly Frame[]> {
  const frames = new Map<number, readonly Frame[]>();
  const visit = (node: HeapNode, outer: readonly Frame[]): void => {
    const frame = toFrame(node.callFrame);
    const here = frame === undefined ? outer : [frame, ...outer].slice(0, DEPTH);
    frames.set(node.id, here);
    for (const child of node.children) visit(child, here);
  };
  visit(head, []);
  return frames;
}
