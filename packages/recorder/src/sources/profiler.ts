// SPDX-License-Identifier: Apache-2.0
// CPU samples of V8's profiler, through an inspector session of this thread. It gives its results only
// when it ends, so it is asked in slices. These overlap: the next profile begins before the last one ends,
// because the first of several costs 10 ms (V8 walks over all code) and every further one half a
// millisecond. Only console.profile can do that.
import { console as inspectorConsole, Session } from 'node:inspector';
import type { Frame } from '../frames.ts';
import { ExecutionSample } from '../jdk-events.ts';
import { type CallFrame, NOT_THE_PROGRAM, toFrame } from './call-frame.ts';
import { everySlice, periodMillis, type Source } from './source.ts';

const DEPTH = 64;

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

const TITLE = 'rekindle ';
const profiles = inspectorConsole as unknown as {
  profile(title: string): void;
  profileEnd(title: string): void;
};

export const cpuProfile: Source = {
  name: 'cpu-profile',
  events: [ExecutionSample],
  cost: 'within noise at 20 ms',
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
          trace = NOT_THE_PROGRAM.has(leaf) ? null : walk(id, nodes, parents);
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
    const handOver = (): void => {
      profiles.profile(`${TITLE}${++number}`);
      profiles.profileEnd(`${TITLE}${number - 1}`);
    };
    const end = everySlice(handOver);
    return {
      handOver,
      stop() {
        end();
        profiles.profileEnd(`${TITLE}${number}`);
        session.disconnect();
      },
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
