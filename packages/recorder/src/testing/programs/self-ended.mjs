// SPDX-License-Identifier: Apache-2.0
// node self-ended.mjs METHOD FILE: burns processor time in `burnInMain`, and in `burnInWorker` meanwhile; ends
// its recording by METHOD (stop, dump, stopLater, dumpLater), and itself so that nothing is written at its exit.
import { once } from 'node:events';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { enableVmEvents, Recording } from '@rekindle/recorder';

function burnInMain() {
  for (const end = Date.now() + 700; Date.now() < end; ) Math.sqrt(end);
}

function burnInWorker() {
  for (const end = Date.now() + 20; Date.now() < end; ) Math.sqrt(end);
}

if (isMainThread) {
  const [, , method, file] = process.argv;
  const recording = new Recording({ configuration: 'profile' }).start();
  await once(new Worker(new URL(import.meta.url)), 'message');
  burnInMain();
  await recording[method](file);
  // a warning is printed by the next turn of the event loop
  setImmediate(() => process.kill(process.pid, 'SIGKILL'));
} else {
  enableVmEvents();
  setInterval(burnInWorker, 25);
  parentPort.postMessage('ready');
}
