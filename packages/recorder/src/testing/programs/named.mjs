// SPDX-License-Identifier: Apache-2.0
// Burns processor time in `burnInMain` and, with an argument, `burnInWorker`; allocates in `allocateSome`.
// With `stuck` it never comes back to its event loop.
import { isMainThread, threadId, Worker } from 'node:worker_threads';

const how = process.argv[2];
const END = performance.now() + 8000;
globalThis.kept = [];

function burnInMain(millis) {
  const end = performance.now() + millis;
  let sum = 0;
  while (performance.now() < end) sum += Math.sqrt(sum + threadId);
  return sum;
}

function burnInWorker(millis) {
  const end = performance.now() + millis;
  let sum = 0;
  while (performance.now() < end) sum += Math.sqrt(sum + threadId);
  return sum;
}

function allocateSome() {
  for (let index = 0; index < 200; index++) kept.push(new Array(1250).fill(index));
  if (kept.length > 2000) kept.length = 0;
}

function turn() {
  allocateSome();
  if (isMainThread) burnInMain(how === 'stuck' ? 4000 : 20);
  else burnInWorker(20);
  if (performance.now() < END) setTimeout(turn, 5);
}

if (isMainThread && how === 'worker') {
  const worker = new Worker(new URL(import.meta.url), { argv: ['worker'] });
  worker.unref();
}
// the recording begins before
setTimeout(turn, how === 'stuck' ? 600 : 0);
