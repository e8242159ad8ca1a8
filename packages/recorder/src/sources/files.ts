// SPDX-License-Identifier: Apache-2.0
// File reads, writes and syncs of node:fs (there is no channel for them, so the functions are wrapped),
// synchronous and with callbacks. Modules that took `import { readFileSync }` before the recording
// see the wrapped functions too: syncBuiltinESMExports hands them over.
import { executionAsyncId } from 'node:async_hooks';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { now } from '../clock.ts';
import { captureFrames } from '../frames.ts';
import { FileForce, FileRead, FileWrite } from '../jdk-events.ts';
import type { Source, SourceContext } from './source.ts';
import { unwrapAll, type Wrapped, wrap } from './wrap.ts';

type Report = (
  start: number,
  path: unknown,
  result: unknown,
  /** The function that a synchronous caller called; else the async context of the caller, if wanted. */
  from: Callable | number | undefined,
) => void;
type Callable = (...args: never[]) => unknown;

/** Frames of a synchronous caller. A callback's caller is gone, so there is nothing to show. */
const DEPTH = 32;

export const files: Source = {
  name: 'files',
  events: [FileRead, FileWrite, FileForce],
  cost: '0.3 µs a call below the threshold',
  start(context) {
    const paths = new Map<number, string>();
    const name = (file: unknown): string =>
      typeof file === 'number' ? (paths.get(file) ?? `descriptor ${file}`) : String(file);
    const report = reporters(context, name);
    const handles = [FileRead, FileWrite, FileForce].map((event) => context.handle(event));
    const told = (): boolean => handles.some(({ tellsAsyncContext }) => tellsAsyncContext);
    const wrapped: Wrapped[] = [];
    const sync = (method: string, tell: Report): void => {
      wrapped.push(
        wrap(fs, method, (original) => {
          const recorded = function (this: unknown, ...args: unknown[]): unknown {
            const start = now();
            const result = original.apply(this, args);
            tell(start, args[0], result, recorded as Callable);
            return result;
          };
          return recorded;
        }),
      );
    };
    const callback = (method: string, tell: Report): void => {
      wrapped.push(
        wrap(fs, method, (original) => {
          return function (this: unknown, ...args: unknown[]): unknown {
            const done = args.at(-1);
            if (typeof done !== 'function') return original.apply(this, args);
            const start = now();
            const from = told() ? executionAsyncId() : undefined;
            args[args.length - 1] = function (this: unknown, ...results: unknown[]): unknown {
              if (results[0] === null || results[0] === undefined) {
                tell(start, args[0], results[1], from);
              }
              return done.apply(this, results);
            };
            return original.apply(this, args);
          };
        }),
      );
    };
    const remember = (descriptor: unknown, path: unknown): void => {
      if (typeof descriptor !== 'number') return;
      if (paths.size > 10_000) paths.clear();
      paths.set(descriptor, String(path));
    };
    sync('openSync', (_, path, descriptor) => remember(descriptor, path));
    callback('open', (_, path, descriptor) => remember(descriptor, path));
    for (const [method, tell] of Object.entries(report)) {
      sync(`${method}Sync`, tell);
      callback(method, tell);
    }
    syncBuiltinESMExports();
    return () => {
      unwrapAll(wrapped);
      syncBuiltinESMExports();
    };
  },
};

function reporters(
  context: SourceContext,
  name: (file: unknown) => string,
): Record<string, Report> {
  const reads = context.handle(FileRead);
  const writes = context.handle(FileWrite);
  const syncs = context.handle(FileForce);
  const { threadKey } = context;
  const stack = (from: Callable | number | undefined) =>
    typeof from === 'function' ? captureFrames(DEPTH, from) : null;
  const contextOf = (from: Callable | number | undefined) =>
    typeof from === 'number' ? from : undefined;
  const read: Report = (start, path, result, from) => {
    const duration = now() - start;
    if (!reads.shouldCommit(duration)) return;
    const size = sizeOf(result);
    reads.commitIn(
      contextOf(from),
      start,
      duration,
      threadKey,
      stack(from),
      name(path),
      size,
      size === 0,
    );
  };
  const write: Report = (start, path, result, from) => {
    const duration = now() - start;
    if (!writes.shouldCommit(duration)) return;
    const size = sizeOf(result);
    writes.commitIn(contextOf(from), start, duration, threadKey, stack(from), name(path), size);
  };
  const force =
    (metadata: boolean): Report =>
    (start, path, _, from) => {
      const duration = now() - start;
      if (!syncs.shouldCommit(duration)) return;
      syncs.commitIn(
        contextOf(from),
        start,
        duration,
        threadKey,
        stack(from),
        name(path),
        metadata,
      );
    };
  return {
    read,
    readFile: read,
    readv: read,
    write,
    writev: write,
    writeFile: write,
    appendFile: write,
    fsync: force(true),
    fdatasync: force(false),
  };
}

/** Bytes of what a function answered: a count, a text, a buffer; 0 for those that answer nothing. */
function sizeOf(result: unknown): number {
  if (typeof result === 'number') return result;
  if (typeof result === 'string') return Buffer.byteLength(result);
  return ArrayBuffer.isView(result) ? result.byteLength : 0;
}
