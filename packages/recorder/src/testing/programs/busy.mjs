// SPDX-License-Identifier: Apache-2.0
// A program of everything that sources record; it knows nothing of the recorder.
import { closeSync, fsyncSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

function burn(millis) {
  const end = performance.now() + millis;
  let sum = 0;
  while (performance.now() < end)
    for (let index = 0; index < 1000; index++) sum += Math.sqrt(index);
  return sum;
}

function allocate(megabytes) {
  const kept = [];
  for (let index = 0; index < megabytes * 100; index++) {
    kept.push(new Array(1250).fill(index));
    if (kept.length > 500) kept.length = 0;
  }
  return kept.length;
}

const file = join(tmpdir(), `busy-${process.pid}`);
writeFileSync(file, Buffer.alloc(8 << 20));
readFileSync(file);
const descriptor = openSync(file, 'r+');
fsyncSync(descriptor);
closeSync(descriptor);
rmSync(file);
try {
  throw new RangeError('thrown by the busy program');
} catch {
  // that was the point
}
const worker = new Worker('setTimeout(() => {}, 300)', { eval: true });
const server = createServer((_request, response) => {
  burn(15);
  response.end('x'.repeat(100_000));
}).listen(0, '127.0.0.1', () => {
  get({ host: 'localhost', port: server.address().port, path: '/work?secret=1' }, (response) => {
    response.resume();
    response.once('end', () => server.close());
  });
});
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60);
const end = performance.now() + Number(process.argv[2] ?? 1500);
const timer = setInterval(() => {
  burn(20);
  allocate(4);
  if (performance.now() > end) clearInterval(timer);
}, 30);
worker.once('exit', () => {});
