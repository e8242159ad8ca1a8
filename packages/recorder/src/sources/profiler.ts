// SPDX-License-Identifier: Apache-2.0
// CPU samples and allocation samples of V8's profilers, through an inspector session of this thread.
// Both give their results only on demand, so they are asked in slices. CPU profiles overlap: the next one
// begins before the last one ends, because the first of several costs 10 ms (V8 walks over all code) and
// every further one half a millisecond. Only console.profile can do that.
import { console as inspectorConsole, Session } from 'node:inspector';
import { now } from '../clock.ts';
import { type Frame, ownerName } from '../frames.ts';
import { ExecutionSample, ObjectAllocationSample } from '../jdk-events.ts';
import { originalPosition } from '../source-maps.ts';
import { every, periodMillis, type Source } from './source.ts';

/** Length of a slice of the CPU profile, in milliseconds. */
const CPU_SLICE = 2000;
/** The same for allocations. V8 does a full garbage collection whenever it is asked: so not often. */
const HEAP_SLICE = 15_000;
/** Bytes allocated between two allocation samples, on average. */
const HEAP_INTERVAL = 512 * 1024;
const DEPTH = 64;

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  /** 0-based. */
  readonly lineNumber: number;
  readonly columnNumber: number;
}

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: CallFrame;
    readonly children?: readonly number[];
  }[];
  /** Microseconds of CLOCK_MONOTONIC. */
  readonly startTime: number;
  readonly samples?: readonly number[];
  readonly timeDeltas?: readonly number[];
}

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

const TITLE = 'rekindle ';
const profiles = inspectorConsole as unknown as {
  profile(title: string): void;
  profileEnd(title: string): void;
};

/** V8's names for time that is not the program's. */
const IDLE = new Set(['(idle)', '(root)', '(program)']);

export const cpuProfile: Source = {
  name: 'cpu-profile',
  slices: true,
  events: [ExecutionSample],
  cost: 'within noise at 10 ms',
  start(context) {
    const handle = context.handle(ExecutionSample);
    const session = new Session();
    session.connect();
    const interval = Math.round(periodMillis(context, ExecutionSample, 20) * 1000);
    session.post('Profiler.enable');
    session.post('Profiler.setSamplingInterval', { interval });
    const emit = (profile: CpuProfile): void => {
      const traces = new Map<number, readonly Frame[] | null>();
      const parents = new Map<number, number>();
      const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
      for (const { id, children = [] } of profile.nodes) {
        for (const child of children) parents.set(child, id);
      }
      let time = profile.startTime * 1000;
      profile.samples?.forEach((id, index) => {
        time += (profile.timeDeltas?.[index] ?? 0) * 1000;
        let trace = traces.get(id);
        if (trace === undefined) {
          const leaf = nodes.get(id)?.callFrame.functionName ?? '';
          trace = IDLE.has(leaf) ? null : walk(id, nodes, parents);
          traces.set(id, trace);
        }
        if (trace !== null && trace.length > 0) {
          handle.commit(Math.round(time), context.threadKey, trace, 'STATE_RUNNABLE');
        }
      });
    };
    // answers come before the call that caused them returns
    session.on('Profiler.consoleProfileFinished', ({ params }) => {
      if (params.title?.startsWith(TITLE)) emit(params.profile as CpuProfile);
    });
    let number = 0;
    profiles.profile(`${TITLE}${number}`);
    const end = every(CPU_SLICE, () => {
      profiles.profile(`${TITLE}${++number}`);
      profiles.profileEnd(`${TITLE}${number - 1}`);
    });
    return () => {
      end();
      profiles.profileEnd(`${TITLE}${number}`);
      session.disconnect();
    };
  },
};

function walk(
  leaf: number,
  nodes: ReadonlyMap<number, CpuProfile['nodes'][number]>,
  parents: ReadonlyMap<number, number>,
): Frame[] {
  const frames: Frame[] = [];
  for (let id: number | undefined = leaf; id !== undefined && frames.length < DEPTH; ) {
    const frame = toFrame(nodes.get(id)?.callFrame);
    if (frame !== undefined) frames.push(frame);
    id = parents.get(id);
  }
  return frames;
}

/** Undefined for V8's roots, which are no functions. */
function toFrame(call: CallFrame | undefined): Frame | undefined {
  if (call === undefined || IDLE.has(call.functionName)) return undefined;
  const { functionName, url, lineNumber, columnNumber } = call;
  // (garbage collector)
  const synthetic = functionName.startsWith('(');
  const place = originalPosition(url, lineNumber + 1, columnNumber + 1);
  return {
    owner: url === '' ? (synthetic ? 'v8' : 'native') : ownerName(place.source),
    method: synthetic
      ? functionName.slice(1, -1).replaceAll(' ', '_')
      : place.name || functionName || 'anonymous',
    line: Math.max(0, place.line),
    native: url === '',
  };
}

export const allocationProfile: Source = {
  name: 'allocation-profile',
  slices: true,
  events: [ObjectAllocationSample],
  cost: 'within noise at 512 KiB; a full garbage collection every 15 s',
  start(context) {
    const handle = context.handle(ObjectAllocationSample);
    const session = new Session();
    session.connect();
    session.post('HeapProfiler.enable');
    const sample = (): void => {
      session.post('HeapProfiler.startSampling', {
        samplingInterval: HEAP_INTERVAL,
        // without these only what is still alive would be told
        includeObjectsCollectedByMajorGC: true,
        includeObjectsCollectedByMinorGC: true,
      } as never);
    };
    sample();
    let before = now();
    const emit = (profile: HeapProfile): void => {
      const frames = new Map<number, Frame[]>();
      const visit = (node: HeapNode, outer: readonly Frame[]): void => {
        const frame = toFrame(node.callFrame);
        const here = frame === undefined ? [...outer] : [frame, ...outer].slice(0, DEPTH);
        frames.set(node.id, here);
        for (const child of node.children) visit(child, here);
      };
      visit(profile.head, []);
      const samples = [...profile.samples].sort((a, b) => a.ordinal - b.ordinal);
      const time = now();
      // samples have an order but no times: spread evenly over the slice
      samples.forEach(({ size, nodeId }, index) => {
        const at = Math.round(before + ((time - before) * (index + 1)) / (samples.length + 1));
        const trace = frames.get(nodeId) ?? [];
        handle.commit(at, context.threadKey, trace, 'Object', Math.max(size, HEAP_INTERVAL));
      });
      before = time;
    };
    // Begun anew for each slice: V8 keeps every sample until it is stopped.
    const slice = (again: boolean): void => {
      session.post('HeapProfiler.stopSampling', (error, result) => {
        if (error === null) emit((result as unknown as { profile: HeapProfile }).profile);
      });
      if (again) sample();
    };
    const end = every(HEAP_SLICE, () => slice(true));
    return () => {
      end();
      slice(false);
      session.disconnect();
    };
  },
};
