// SPDX-License-Identifier: Apache-2.0
// File reads, writes and syncs of node:fs (there is no channel for them, so the functions are wrapped),
// synchronous, with callbacks and with promises. Modules that took `import { readFileSync }` before the recording
// see the wrapped functions too: syncBuiltinESMExports hands them over.
import { executionAsyncId } from 'node:async_hooks';
import fs from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { now } from '../clock.ts';
import { captureFrames } from '../frames.ts';
import { FileForce, FileRead, FileWrite } from '../jdk-events.ts';
import { isUnseen, unseen } from '../own-work.ts';
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

/** Those that call `open` and `write` for their callers, where they have a callback. */
const BY_WRITE: ReadonlySet<string> = new Set(['writeFile', 'appendFile']);
/** What handles call otherwise. */
const HANDLE_NAMES: Readonly<Record<string, string>> = { fsync: 'sync', fdatasync: 'datasync' };

/** Frames of a synchronous caller. A callback's caller is gone, so there is nothing to show. */
const DEPTH = 32;

export const files: Source = {
  name: 'files',
  events: [FileRead, FileWrite, FileForce],
  cost: '0.3 µs a call below the threshold',
  start(context) {
    const paths = new Map<number, string>();
    const name = (file: unknown): string => {
      const descriptor = (file as Partial<FileHandle> | undefined)?.fd ?? file;
      if (typeof descriptor !== 'number') return String(file);
      return paths.get(descriptor) ?? `descriptor ${descriptor}`;
    };
    const report = reporters(context, name);
    const handles = [FileRead, FileWrite, FileForce].map((event) => context.handle(event));
    const told = (): boolean => handles.some(({ tellsAsyncContext }) => tellsAsyncContext);
    const wrapped: Wrapped[] = [];
    const sync = (method: string, tell: Report): void => {
      wrapped.push(
        wrap(fs, method, (original) => {
          const recorded = function (this: unknown, ...args: unknown[]): unknown {
            if (isUnseen()) return original.apply(this, args);
            const start = now();
            // readFileSync calls readSync: what counts is what the program called
            const result = unseen(() => original.apply(this, args));
            tell(start, args[0], result ?? args[1], recorded as Callable);
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
                tell(start, args[0], results[1] ?? args[1], from);
              }
              return done.apply(this, results);
            };
            return original.apply(this, args);
          };
        }),
      );
    };
    const promised = (owner: object, method: string, tell: Report): void => {
      wrapped.push(
        wrap(owner, method, (original) => {
          return function (this: unknown, ...args: unknown[]): unknown {
            const start = now();
            const from = told() ? executionAsyncId() : undefined;
            // of a handle the first argument is the data
            const [file, data] = owner === fs.promises ? args : [this, args[0]];
            const done = (result: unknown): unknown => {
              tell(start, file, result ?? data, from);
              return result;
            };
            return (original.apply(this, args) as Promise<unknown>).then(done);
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
    let handleMethods: object | undefined;
    promised(fs.promises, 'open', (_, path, handle) => {
      const { fd } = handle as FileHandle;
      remember(fd, path);
      // nobody gives away the class of handles
      if (handleMethods !== undefined) return;
      handleMethods = Object.getPrototypeOf(handle) as object;
      for (const [method, tell] of Object.entries(report)) {
        promised(handleMethods, HANDLE_NAMES[method] ?? method, tell);
      }
    });
    for (const [method, tell] of Object.entries(report)) {
      sync(`${method}Sync`, tell);
      if (!BY_WRITE.has(method)) callback(method, tell);
      promised(fs.promises, method, tell);
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

/** Bytes of what a function answered, or of what it was given to write: a count, a text, a buffer. */
function sizeOf(result: unknown): number {
  if (typeof result === 'number') return result;
  if (typeof result === 'string') return Buffer.byteLength(result);
  if (ArrayBuffer.isView(result)) return result.byteLength;
  // of a handle
  const { bytesRead, bytesWritten } = (result ?? {}) as Partial<Record<string, number>>;
  return bytesRead ?? bytesWritten ?? 0;
}
