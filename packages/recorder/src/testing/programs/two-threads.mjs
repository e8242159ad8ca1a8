// SPDX-License-Identifier: Apache-2.0
// node two-threads.mjs FILE REPOSITORY: events of the main thread and of a worker, the main thread blocked
// meanwhile as in a native call, then the synchronous end.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread, Worker } from 'node:worker_threads';
import { configureRecorder, eventHandle, now, Recording, setThreadName } from '@rekindle/recorder';

export const Work = {
  name: 'test.Work',
  label: 'Work',
  category: ['Test'],
  duration: true,
  thread: true,
  stackTrace: true,
  fields: [
    { name: 'number', type: 'int', label: 'Number' },
    { name: 'text', type: 'java.lang.String', label: 'Text' },
    { name: 'size', type: 'long', label: 'Size', content: 'bytes' },
    { name: 'ratio', type: 'double', label: 'Ratio' },
    { name: 'kind', type: { enumeration: 'test.Kind', values: ['good', 'bad'] }, label: 'Kind' },
  ],
};

function commitSome(count, text) {
  const work = eventHandle(Work);
  for (let index = 0; index < count; index++) {
    work.commit(now(), 1000 + index, index, text, -index, index / 4, index % 2 ? 'bad' : 'good');
  }
}

function repositoryBytes() {
  const [, , , base] = process.argv;
  return readdirSync(base, { recursive: true })
    .filter((name) => name.endsWith('.jfr') && name.includes(`_${process.pid}`))
    .reduce((sum, name) => sum + statSync(join(base, name)).size, 0);
}

if (isMainThread) {
  configureRecorder({ repository: process.argv[3] });
  const recording = new Recording({ destination: process.argv[2], flushInterval: 20 }).start();
  const gate = new Int32Array(new SharedArrayBuffer(4));
  new Worker(new URL(import.meta.url), { workerData: gate });
  commitSome(100, 'committed by the main thread');
  Atomics.wait(gate, 0, 0, 20_000);
  Atomics.wait(gate, 0, 1, 300);
  // the main thread's event loop has not turned once, and the file must have grown all the same
  if (repositoryBytes() < 50_000) throw new Error('nothing was flushed');
  recording.stop();
  process.exit(0);
} else {
  const { workerData } = await import('node:worker_threads');
  setThreadName('the other thread');
  commitSome(1000, 'committed by a worker thread');
  Atomics.store(workerData, 0, 1);
  Atomics.notify(workerData, 0);
}
