// SPDX-License-Identifier: Apache-2.0
import type { EventDeclaration } from '@rekindle/jfr/writing';
import type { EventHandle } from '../handle.ts';

/** What a source needs of the thread it runs in. */
export interface SourceContext {
  readonly mainThread: boolean;
  /** Key of this thread in the pool of threads. */
  readonly threadKey: number;
  handle<const D extends EventDeclaration>(declaration: D): EventHandle<D>;
  /** Setting in force of an event type. */
  setting(declaration: EventDeclaration, name: string): string | undefined;
}

/** Where events come from that the application does not commit itself. Runs in each of its threads. */
export interface Source {
  readonly name: string;
  readonly events: readonly EventDeclaration[];
  /** What it costs, measured; see bench/recorder.ts. */
  readonly cost: string;
  /** Why it cannot run on this Node.js; undefined where it can. */
  unavailable?(): string | undefined;
  /** Begins; the answer ends it. Begun anew whenever a setting of its events changes. */
  start(context: SourceContext): (() => void) | Gathering;
}

/** A source at work that gathers for a while before it commits. */
export interface Gathering {
  /** Commits what it has gathered, and ends. */
  stop(): void;
  /** Commits what it has gathered, before it returns, and goes on. */
  handOver(): void;
}

/** Milliseconds of the `period` setting; `fallback` for words such as everyChunk. */
export function periodMillis(
  context: SourceContext,
  declaration: EventDeclaration,
  fallback: number,
): number {
  const match = /^(\d+) *(ns|us|ms|s|m|h|d)$/.exec(context.setting(declaration, 'period') ?? '');
  if (match === null) return fallback;
  const scale = { ns: 1e-6, us: 1e-3, ms: 1, s: 1e3, m: 60e3, h: 3600e3, d: 86_400e3 };
  return Math.max(1, Number(match[1]) * scale[match[2] as keyof typeof scale]);
}

/** A timer that does not keep the process alive. */
export function every(millis: number, work: () => void): () => void {
  // a timer holds at most 2^31 ms
  const timer = setInterval(work, Math.min(millis, 2 ** 31 - 1));
  timer.unref();
  return () => clearInterval(timer);
}

// Asking V8 for what it gathered holds up the program for a millisecond, and with it every request that is under way.
/** Milliseconds between two times that a source takes what V8 gathered: seldom, and all sources together. */
const SLICE = 5000;

const gatherers = new Set<() => void>();
let endSlices: (() => void) | undefined;

/** Calls `work` at the end of each slice. */
export function everySlice(work: () => void): () => void {
  gatherers.add(work);
  endSlices ??= every(SLICE, () => {
    for (const gather of gatherers) gather();
  });
  return () => {
    gatherers.delete(work);
    if (gatherers.size > 0) return;
    endSlices?.();
    endSlices = undefined;
  };
}
