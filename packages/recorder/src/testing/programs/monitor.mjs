// SPDX-License-Identifier: Apache-2.0
// node monitor.mjs FILE: two workers count under a monitor; the main thread waits to be notified.
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { Monitor, Recording, setThreadName } from '@rekindle/recorder';

const ROUNDS = 200;
if (isMainThread) {
  const recording = new Recording({
    destination: process.argv[2],
    settings: { 'jdk.JavaMonitorEnter#enabled': 'true', 'jdk.JavaMonitorWait#enabled': 'true' },
  }).start();
  const monitor = new Monitor('app.Counter');
  const count = new Int32Array(new SharedArrayBuffer(8));
  for (let index = 0; index < 2; index++) {
    new Worker(new URL(import.meta.url), { workerData: { memory: monitor.memory, count, index } });
  }
  monitor.run(() => {
    while (count[1] < 2) monitor.wait();
  });
  console.log(
    count[0],
    monitor.run(() => monitor.wait(5)),
  );
  recording.stop();
  process.exit();
} else {
  const { memory, count, index } = workerData;
  setThreadName(`counter ${index}`);
  const monitor = new Monitor('app.Counter', memory);
  for (let round = 0; round < ROUNDS; round++) {
    monitor.run(() => {
      const before = count[0];
      const end = performance.now() + 0.2;
      while (performance.now() < end);
      count[0] = before + 1;
    });
  }
  monitor.run(() => {
    count[1]++;
    monitor.notify(true);
  });
}
