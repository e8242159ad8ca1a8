// SPDX-License-Identifier: Apache-2.0
// The measured side of bench/recorder.ts: `node recorder-work.mjs MODE …`, a line of figures for each batch.
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { configureRecorder, eventHandle, now, Recording } from '../packages/recorder/dist/index.js';

const FIVE = {
  name: 'bench.Five',
  label: 'Five',
  category: ['Bench'],
  duration: true,
  thread: true,
  fields: [
    { name: 'address', type: 'long', label: 'Address' },
    { name: 'size', type: 'long', label: 'Size' },
    { name: 'thread', type: 'int', label: 'Thread' },
    { name: 'write', type: 'boolean', label: 'Write' },
    { name: 'region', type: 'int', label: 'Region' },
  ],
};

const MODES = {
  /** ns per commit with ticks given, without the event's own clock readings. */
  async commit(file, batches, count) {
    await batched(file, batches, count, (five) => {
      const start = now();
      for (let i = 0; i < count; i++) five.commit(start, 1000, i * 4096, 4096, 12345, (i & 1) === 0, 1);
    });
  },
  /** ns per commit including both clock readings, as begin() and commit() of the JDK. */
  async timed(file, batches, count) {
    await batched(file, batches, count, (five) => {
      for (let i = 0; i < count; i++) {
        const start = now();
        five.commit(start, now() - start, i * 4096, 4096, 12345, (i & 1) === 0, 1);
      }
    });
  },
  /** ns per commit of a disabled event, and of the empty loop around it. */
  async disabled(file, batches, count) {
    const recording = new Recording({
      destination: file,
      settings: { 'bench.Five#enabled': 'false' },
    }).start();
    const five = eventHandle(FIVE);
    for (let batch = 0; batch < batches; batch++) {
      const start = performance.now();
      for (let i = 0; i < count; i++) five.commit(i, 1000, i, 4096, 12345, true, 1);
      const middle = performance.now();
      let sum = 0;
      for (let i = 0; i < count; i++) sum += i;
      const end = performance.now();
      if (sum < 0) throw new Error('unreachable');
      console.log(((middle - start - (end - middle)) / count) * 1e6);
    }
    recording.close();
  },
  /** Events a second of all workers together, until the last is committed and until the file is complete. */
  async throughput(file, workers, count) {
    const recording = new Recording({ destination: file }).start();
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const threads = Array.from(
      { length: workers },
      () => new Worker(new URL(import.meta.url), { workerData: { gate, count } }),
    );
    const told = () => Promise.all(threads.map((thread) => new Promise((done) => thread.once('message', done))));
    await told();
    const ended = told();
    const start = performance.now();
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    await ended;
    const committed = performance.now();
    recording.stop();
    const complete = performance.now();
    console.log(((workers * count) / (committed - start)) * 1000);
    console.log(((workers * count) / (complete - start)) * 1000);
    recording.close();
    process.exit();
  },
  /** ns per event of what a user would pick instead. */
  async peer(file, batches, count) {
    const { EVENTS } = await import('./recorder-peers.mjs');
    const event = EVENTS[file]();
    for (let batch = 0; batch < batches; batch++) {
      const start = performance.now();
      for (let i = 0; i < count; i++) event(i);
      console.log(((performance.now() - start) / count) * 1e6);
      await sleep(100);
    }
    process.exit();
  },
};

async function batched(file, batches, count, work) {
  const recording = new Recording({ destination: file }).start();
  const five = eventHandle(FIVE);
  for (let batch = 0; batch < batches; batch++) {
    const start = performance.now();
    work(five);
    console.log(((performance.now() - start) / count) * 1e6);
    await sleep(30);
  }
  recording.close();
}

if (isMainThread) {
  const [mode, file, ...numbers] = process.argv.slice(2);
  configureRecorder({ repository: process.env.REPOSITORY });
  await MODES[mode](file, ...numbers.map(Number));
} else {
  const { parentPort } = await import('node:worker_threads');
  const { gate, count } = workerData;
  const five = eventHandle(FIVE);
  parentPort.postMessage('ready');
  Atomics.wait(gate, 0, 0);
  for (let i = 0; i < count; i++) {
    const start = now();
    five.commit(start, 1000, i * 4096, 4096, 12345, (i & 1) === 0, 1);
  }
  parentPort.postMessage('done');
}
