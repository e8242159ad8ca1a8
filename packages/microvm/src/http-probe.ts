// SPDX-License-Identifier: Apache-2.0
// When does the service answer correctly for the first time? Attempts follow each other closely, so that the
// time is the service's and not ours; an attempt that gets no answer is joined by another one, because a SYN
// that met a guest without network is repeated only after seconds.
import { request } from 'node:http';
import { MicrovmError } from './error.ts';
import { millisecondsSince, monotonicNow, NO_LOG, type VmLog } from './log.ts';

export interface HttpProbeOptions {
  /** From the call to the first correct answer, milliseconds. */
  readonly deadlineMs: number;
  /** Says whether an answer is the right one; left out, any status below 400 is. */
  readonly accept?: ((body: string, status: number) => boolean) | undefined;
  /** Pause after a refused or wrong answer: grows from the first to the second, milliseconds. */
  readonly stepMs?: readonly [number, number] | undefined;
  /** An attempt without an answer is joined by another after this time, milliseconds. */
  readonly hedgeMs?: number | undefined;
  /** Ends the wait early; its reason becomes the error. */
  readonly signal?: AbortSignal | undefined;
  readonly log?: VmLog | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  /** Attempts made, the good one included. */
  readonly attempts: number;
  /** From the call to the last byte of the right answer, milliseconds. */
  readonly totalMs: number;
  /** The good attempt alone, milliseconds. */
  readonly lastMs: number;
  /** CLOCK_MONOTONIC nanoseconds at the last byte. */
  readonly answeredAt: bigint;
}

/** More than this at once would load a guest that is still starting. */
const AT_ONCE = 4;
/** A service that never ends its answer is not read for ever. */
const BODY_LIMIT = 1024 * 1024;

/** Waits for the first correct HTTP answer; rejects with NO_RESPONSE at the deadline, saying what came instead. */
export function waitForHttp(url: string, options: HttpProbeOptions): Promise<HttpAnswer> {
  const accept = options.accept ?? ((_body, status) => status < 400);
  const [firstStep, lastStep] = options.stepMs ?? [0.5, 5];
  let hedgeMs = options.hedgeMs ?? 250;
  const log = options.log ?? NO_LOG;
  const start = monotonicNow();
  const underway = new Map<number, () => void>();
  let attempts = 0;
  let step = firstStep;
  let nextTimer: NodeJS.Timeout | undefined;
  let latest = 'no connection';

  return new Promise((resolve, reject) => {
    const finish = (settle: () => void): void => {
      clearTimeout(deadline);
      clearTimeout(nextTimer);
      options.signal?.removeEventListener('abort', abort);
      for (const cancel of underway.values()) cancel();
      underway.clear();
      settle();
    };
    const deadline = setTimeout(() => {
      finish(() =>
        reject(
          new MicrovmError(
            'NO_RESPONSE',
            `no correct answer from ${url} within ${options.deadlineMs / 1000} s (${attempts} attempts, the last: ${latest})`,
            { place: url, hint: 'see the guest’s console: rekindle logs NAME' },
          ),
        ),
      );
    }, options.deadlineMs);
    const abort = (): void => finish(() => reject(options.signal?.reason));
    if (options.signal?.aborted === true) return abort();
    options.signal?.addEventListener('abort', abort);

    const attempt = (): void => {
      const [oldest] = underway;
      if (oldest !== undefined && underway.size >= AT_ONCE) {
        // It has waited for several hedge times. Those grow, so a slow answer gets its chance in the end.
        underway.delete(oldest[0]);
        oldest[1]();
        latest = 'no answer';
      }
      const id = ++attempts;
      const began = monotonicNow();
      const cancel = get(url, (error, status, body) => {
        if (!underway.delete(id)) return;
        log.probe(url, status, id, began);
        if (error === undefined && accept(body, status)) {
          const answeredAt = monotonicNow();
          finish(() =>
            resolve({
              status,
              body,
              attempts,
              totalMs: millisecondsSince(start, answeredAt),
              lastMs: millisecondsSince(began, answeredAt),
              answeredAt,
            }),
          );
          return;
        }
        latest = error ?? `status ${status} with ${body.length} characters`;
        // Half a percent of what it has taken so far is exact enough, and spares a guest that boots.
        nextIn(step);
        step = Math.min(step * 1.5, Math.max(lastStep, millisecondsSince(start) / 200));
      });
      underway.set(id, cancel);
      nextIn(hedgeMs);
      hedgeMs = Math.min(hedgeMs * 1.2, 4000);
    };
    const nextIn = (ms: number): void => {
      clearTimeout(nextTimer);
      // Timers of Node count whole milliseconds; below one, the next turn of the loop comes soonest.
      nextTimer = setTimeout(attempt, ms);
    };
    attempt();
  });
}

/** One request on a connection of its own; `done` is called once, unless cancelled. */
function get(
  url: string,
  done: (error: string | undefined, status: number, body: string) => void,
): () => void {
  let settled = false;
  const settle = (error: string | undefined, status: number, body: string): void => {
    if (settled) return;
    settled = true;
    done(error, status, body);
  };
  const outgoing = request(url, { agent: false }, (response) => {
    const chunks: Buffer[] = [];
    let length = 0;
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > BODY_LIMIT) {
        settle(`more than ${BODY_LIMIT} bytes`, response.statusCode ?? 0, '');
        outgoing.destroy();
      }
    });
    response.on('error', (error) => settle(error.message, response.statusCode ?? 0, ''));
    response.on('end', () =>
      settle(undefined, response.statusCode ?? 0, Buffer.concat(chunks).toString('utf8')),
    );
  });
  outgoing.on('error', (error) => settle(error.message || 'refused', 0, ''));
  outgoing.end();
  return () => {
    settled = true;
    outgoing.destroy();
  };
}
