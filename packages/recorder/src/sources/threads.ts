// SPDX-License-Identifier: Apache-2.0
// Threads: their start and end, their waits, and what runs in them.
import { now } from '../clock.ts';
import { captureFrames } from '../frames.ts';
import {
  JavaMonitorEnter,
  JavaMonitorWait,
  Shutdown,
  ThreadDump,
  ThreadEnd,
  ThreadPark,
  ThreadSleep,
  ThreadStart,
} from '../jdk-events.ts';
import { every, periodMillis, type Source } from './source.ts';
import { unwrapAll, wrap } from './wrap.ts';

const DEPTH = 32;

/** A worker's own start and end, told by itself; the main thread has none. */
export const threadLife: Source = {
  name: 'thread-life',
  events: [ThreadStart, ThreadEnd, Shutdown],
  cost: 'once a thread',
  start(context) {
    const shutdown = context.handle(Shutdown);
    const ended = context.handle(ThreadEnd);
    if (!context.mainThread) {
      const { threadKey } = context;
      context.handle(ThreadStart).commit(now(), threadKey, null, threadKey, null);
    }
    const exit = (code: number): void => {
      if (context.mainThread) shutdown.commit(now(), `process exit, code ${code}`);
      else ended.commit(now(), context.threadKey);
    };
    process.prependListener('exit', exit);
    return () => process.removeListener('exit', exit);
  },
};

/** `Atomics.wait` is how JavaScript threads park; one that nobody ended was a sleep. */
export const parking: Source = {
  name: 'parking',
  events: [ThreadPark, ThreadSleep],
  cost: '0.1 µs a wait',
  start(context) {
    const handle = context.handle(ThreadPark);
    const sleeps = context.handle(ThreadSleep);
    const wrapped = wrap(Atomics, 'wait', (original) => {
      const recorded = function (this: unknown, ...args: unknown[]): unknown {
        const start = now();
        const result = original.apply(this, args);
        const duration = now() - start;
        if (result === 'timed-out') {
          if (sleeps.shouldCommit(duration)) {
            const frames = captureFrames(DEPTH, recorded as never);
            const time = Math.round(Number(args[3]) * 1e6);
            sleeps.commit(start, duration, context.threadKey, frames, time);
          }
        } else if (handle.shouldCommit(duration)) {
          const [array, index, , timeout] = args as [Int32Array, number, number, number?];
          const nanos = Number.isFinite(timeout) ? Math.round((timeout ?? 0) * 1e6) : 0;
          const frames = captureFrames(DEPTH, recorded as never);
          const address = array.byteOffset + index * array.BYTES_PER_ELEMENT;
          handle.commit(start, duration, context.threadKey, frames, 'Atomics', nanos, 0, address);
        }
        return result;
      };
      return recorded;
    });
    return () => unwrapAll([wrapped]);
  },
};

interface LockManager {
  request: (...args: unknown[]) => Promise<unknown>;
}

/** Web Locks, where this Node.js has them (24 and later). */
export const locks: Source = {
  name: 'web-locks',
  events: [JavaMonitorEnter, JavaMonitorWait],
  cost: '1 µs a lock',
  unavailable: () =>
    lockManager() === undefined ? 'this Node.js has no Web Locks (24.5 and later have)' : undefined,
  start(context) {
    const manager = lockManager();
    if (manager === undefined) return () => {};
    const handle = context.handle(JavaMonitorEnter);
    const wrapped = wrap(Object.getPrototypeOf(manager) as object, 'request', (original) => {
      return function (this: unknown, ...args: unknown[]): unknown {
        const work = args.at(-1);
        if (typeof work !== 'function') return original.apply(this, args);
        const start = now();
        args[args.length - 1] = (...granted: unknown[]): unknown => {
          handle.commit(start, now() - start, context.threadKey, null, `Lock.${args[0]}`, null, 0);
          return work(...granted);
        };
        return original.apply(this, args);
      };
    });
    return () => unwrapAll([wrapped]);
  },
};

function lockManager(): LockManager | undefined {
  const scope = globalThis as { navigator?: { locks?: LockManager } };
  return scope.navigator?.locks;
}

/** What a thread runs and what keeps it alive, as text. */
export const threadDump: Source = {
  name: 'thread-dump',
  events: [ThreadDump],
  cost: '50 µs each time',
  start(context) {
    const handle = context.handle(ThreadDump);
    const dump = (): void => {
      const frames = captureFrames(DEPTH, dump).map(
        ({ owner, method, line }) => `\tat ${owner}.${method}(line ${line})`,
      );
      const alive = process.getActiveResourcesInfo().map((kind) => `\t- ${kind}`);
      const thread = context.mainThread ? 'main' : `worker ${context.threadKey}`;
      const text = [`"${thread}"`, ...frames, '\twaiting for:', ...alive];
      handle.commit(now(), text.join('\n'));
    };
    dump();
    return every(periodMillis(context, ThreadDump, 60_000), dump);
  },
};
