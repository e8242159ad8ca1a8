// SPDX-License-Identifier: Apache-2.0
// node stress.mjs FILE WORKERS EVENTS ROTATE FLUSH [terminate]: workers commit events as fast as they
// can, with strings, constants and now and then a large event, while the main thread has the recording
// rotate and flush every so many milliseconds. With `terminate`, workers are ended at random instead.
import { readFileSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { configureRecorder, eventHandle, now, Recording, setThreadName } from '@rekindle/recorder';

const Stress = {
  name: 'test.Stress',
  label: 'Stress',
  category: ['Test'],
  thread: true,
  stackTrace: true,
  fields: [
    { name: 'worker', type: 'int', label: 'Worker' },
    { name: 'number', type: 'int', label: 'Number' },
    { name: 'text', type: 'java.lang.String', label: 'Text' },
  ],
};
const Plain = {
  name: 'test.Plain',
  label: 'Plain',
  category: ['Test'],
  fields: [
    { name: 'worker', type: 'int', label: 'Worker' },
    { name: 'number', type: 'int', label: 'Number' },
    { name: 'text', type: 'java.lang.String', label: 'Text' },
  ],
};

function even(handle, index, text) {
  handle.commit(now(), workerData.worker, index, text);
}
function odd(handle, index, text) {
  handle.commit(now(), workerData.worker, index, text);
}

if (isMainThread) {
  const [, , file, workers, events, rotate, flush, terminate] = process.argv;
  configureRecorder({
    repository: process.env.REPOSITORY,
    threadBufferSize: 4096,
    globalBufferCount: 8,
    globalBufferSize: 64 * 1024,
    maxChunkSize: 1 << 30,
  });
  const recording = new Recording({ destination: file, flushInterval: Number(flush) }).start();
  let running = Number(workers);
  let rotations = 0;
  const timer = setInterval(() => {
    recording.set({ maxAge: 0 }); // a change of options begins a new chunk
    rotations++;
  }, Number(rotate));
  let started = 0;
  const begun = performance.now();
  const start = () => {
    const worker = new Worker(new URL(import.meta.url), {
      workerData: { worker: started++, events: Number(events) },
    });
    if (terminate) {
      worker.once('message', () => setTimeout(() => worker.terminate(), Math.random() * 20));
    }
    worker.once('exit', () => {
      if (--running > 0) return;
      clearInterval(timer);
      const before = performance.now();
      recording.stop();
      const stopMillis = performance.now() - before;
      const commitMillis = before - begun;
      // not maxRSS, which keeps across execve(2) what the parent was
      const status = readFileSync('/proc/self/status', 'utf8');
      const peakMegabytes = Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)[1]) / 1024);
      console.log(JSON.stringify({ rotations, stopMillis, commitMillis, peakMegabytes }));
    });
  };
  for (let index = 0; index < Number(workers); index++) start();
} else {
  setThreadName(`stress ${workerData.worker}`);
  const plain = eventHandle(Plain);
  const stress = eventHandle(Stress);
  const large = 'x'.repeat(20_000);
  parentPort.postMessage('started');
  for (let index = 0; index < workerData.events; index++) {
    if (index % 100 === 0)
      (index % 200 ? odd : even)(stress, index, `number ${index} of the worker`);
    else if (index % 5001 === 1) even(plain, index, large);
    else
      even(plain, index, index % 7 ? 'one of a few pooled texts' : 'another of these pooled texts');
  }
}
