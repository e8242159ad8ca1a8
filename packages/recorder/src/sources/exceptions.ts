// SPDX-License-Identifier: Apache-2.0
// Errors as they are created. V8 asks `Error.prepareStackTrace` only when a stack is looked at, and the
// inspector would stop the thread for each, so the constructors are wrapped: what extends them passes by.
import { now } from '../clock.ts';
import { captureFrames } from '../frames.ts';
import { ExceptionStatistics, JavaErrorThrow, JavaExceptionThrow } from '../jdk-events.ts';
import { every, periodMillis, type Source } from './source.ts';

const KINDS = [
  'Error',
  'TypeError',
  'RangeError',
  'SyntaxError',
  'ReferenceError',
  'EvalError',
  'URIError',
] as const;
const DEPTH = 32;

export const exceptions: Source = {
  name: 'exceptions',
  events: [JavaExceptionThrow, JavaErrorThrow, ExceptionStatistics],
  cost: '0.1 µs an error, 10 µs a recorded one',
  start(context) {
    const thrown = context.handle(JavaExceptionThrow);
    const statistics = context.handle(ExceptionStatistics);
    const scope = globalThis as unknown as Record<string, new (...args: unknown[]) => Error>;
    let count = 0;
    let recording = false;
    const originals = KINDS.map((kind) => [kind, scope[kind]!] as const);
    const proxies = originals.map(([kind, original]) => {
      const handler = {
        construct(target: typeof original, args: unknown[], newTarget: typeof original): Error {
          const error: Error = Reflect.construct(
            target,
            args,
            newTarget === proxy ? target : newTarget,
          );
          count++;
          // a capture makes errors of its own
          if (recording || !thrown.enabled) return error;
          recording = true;
          try {
            const [message] = args;
            const frames = captureFrames(DEPTH, handler.construct);
            const name =
              newTarget === proxy ? kind : String((newTarget as { name?: unknown }).name);
            thrown.commit(
              now(),
              context.threadKey,
              frames,
              typeof message === 'string' ? message : null,
              name || kind,
            );
          } finally {
            recording = false;
          }
          return error;
        },
      };
      const proxy = new Proxy(original, handler);
      return [kind, original, proxy] as const;
    });
    for (const [kind, original, proxy] of proxies) {
      scope[kind] = proxy;
      original.prototype.constructor = proxy;
    }
    const errors = context.handle(JavaErrorThrow);
    const uncaught = (error: unknown): void => {
      const { message, name } =
        error instanceof Error ? error : { message: String(error), name: 'Error' };
      errors.commit(now(), context.threadKey, null, message, name || 'Error');
    };
    process.on('uncaughtExceptionMonitor', uncaught);
    const end = every(periodMillis(context, ExceptionStatistics, 1000), () => {
      statistics.commit(now(), count);
    });
    return () => {
      end();
      process.removeListener('uncaughtExceptionMonitor', uncaught);
      for (const [kind, original, proxy] of proxies) {
        if (scope[kind] === proxy) scope[kind] = original;
        original.prototype.constructor = original;
      }
    };
  },
};
