// SPDX-License-Identifier: Apache-2.0
// node --expose-gc collections.mjs FILE: records its garbage collections while a thread that is not recorded makes
// others, and tells in JSON what Node.js's own observer saw of them meanwhile.
import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as after } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { enableVmEvents, now, Recording } from '@rekindle/recorder';

const zero = now() - performance.now() * 1e6;
const observed = [];
const observer = new PerformanceObserver((list) => {
  for (const { startTime, duration, detail } of list.getEntries()) {
    observed.push({ start: zero + startTime * 1e6, duration: duration * 1e6, kind: detail.kind });
  }
});
observer.observe({ entryTypes: ['gc'] });
const other = new Worker(
  'for (let kept = []; ; kept = kept.length > 1e5 ? [] : kept) kept.push({});',
  {
    eval: true,
  },
);

enableVmEvents();
const enabled = [
  'GarbageCollection',
  'YoungGarbageCollection',
  'OldGarbageCollection',
  'GCPhasePause',
];
const recording = new Recording({
  settings: {
    ...Object.fromEntries(enabled.map((name) => [`jdk.${name}#enabled`, 'true'])),
    'jdk.GCHeapSummary#enabled': 'true',
    'jdk.GCHeapSummary#period': '1 ms',
  },
  destination: process.argv[2],
});
recording.start();
const from = now();
let kept = [];
for (let round = 0; round < 12; round++) {
  for (let i = 0; i < 100_000; i++) kept.push({ round, i });
  if (round % 4 === 3) kept = [];
  await after(120);
}
globalThis.gc();
// what the observer is told comes a turn or two of the event loop later
await after(50);
recording.stop();
await other.terminate();
console.log(JSON.stringify(observed.filter(({ start }) => start > from)));
