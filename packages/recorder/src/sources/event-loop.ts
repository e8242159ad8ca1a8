// SPDX-License-Identifier: Apache-2.0
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { promiseHooks } from 'node:v8';
import { now } from '../clock.ts';
import { EventLoopDelay, EventLoopUtilization, Promises, Resources } from '../node-events.ts';
import { every, periodMillis, type Source } from './source.ts';

/** Milliseconds between the timers whose delay is measured. An idle process wakes up for each of them. */
const RESOLUTION = 20;

export const eventLoopDelay: Source = {
  name: 'event-loop-delay',
  events: [EventLoopDelay],
  cost: 'within noise',
  start(context) {
    const handle = context.handle(EventLoopDelay);
    const histogram = monitorEventLoopDelay({ resolution: RESOLUTION });
    histogram.enable();
    const late = (nanos: number): number =>
      Number.isFinite(nanos) ? Math.max(0, Math.round(nanos - RESOLUTION * 1e6)) : 0;
    const end = every(periodMillis(context, EventLoopDelay, 1000), () => {
      const { mean, max } = histogram;
      const [p50, p99] = [histogram.percentile(50), histogram.percentile(99)];
      handle.commit(now(), late(mean), late(p50), late(p99), late(max));
      histogram.reset();
    });
    return () => {
      end();
      histogram.disable();
    };
  },
};

export const eventLoopUtilization: Source = {
  name: 'event-loop-utilization',
  events: [EventLoopUtilization],
  cost: '1 µs each time',
  start(context) {
    const handle = context.handle(EventLoopUtilization);
    let before = performance.eventLoopUtilization();
    return every(periodMillis(context, EventLoopUtilization, 1000), () => {
      const after = performance.eventLoopUtilization();
      const { utilization, active, idle } = performance.eventLoopUtilization(after, before);
      handle.commit(now(), utilization, Math.round(active * 1e6), Math.round(idle * 1e6));
      before = after;
    });
  },
};

/** V8 calls a function for each promise: more than what a promise itself takes. */
export const promises: Source = {
  name: 'promises',
  events: [Promises],
  cost: '25 ns a promise',
  start(context) {
    const handle = context.handle(Promises);
    let [created, settled, pending] = [0, 0, 0];
    const stop = promiseHooks.createHook({
      init: () => {
        created++;
      },
      settled: () => {
        settled++;
      },
    });
    const end = every(periodMillis(context, Promises, 1000), () => {
      // what began before is settled as well
      pending = Math.max(0, pending + created - settled);
      handle.commit(now(), created, settled, pending);
      [created, settled] = [0, 0];
    });
    return () => {
      end();
      stop();
    };
  },
};

export const resources: Source = {
  name: 'active-resources',
  events: [Resources],
  cost: '10 µs each time',
  start(context) {
    const handle = context.handle(Resources);
    const report = (): void => {
      const counts = new Map<string, number>();
      for (const kind of process.getActiveResourcesInfo()) {
        counts.set(kind, (counts.get(kind) ?? 0) + 1);
      }
      const time = now();
      for (const [kind, count] of counts) handle.commit(time, kind, count);
    };
    return every(periodMillis(context, Resources, 5000), report);
  },
};
