// SPDX-License-Identifier: Apache-2.0
// node trouble.mjs MODE REPOSITORY FILE …: programs to which something happens while they record.
import { execFileSync, fork } from 'node:child_process';
import cluster from 'node:cluster';
import { chmodSync, readdirSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, Worker } from 'node:worker_threads';
import {
  configureRecorder,
  eventHandle,
  flush,
  now,
  Recording,
  repositoryDirectory,
} from '@rekindle/recorder';

const TICK = {
  name: 'test.Tick',
  label: 'Tick',
  category: ['Test'],
  thread: true,
  stackTrace: true,
  fields: [
    { name: 'number', type: 'int', label: 'Number' },
    { name: 'text', type: 'java.lang.String', label: 'Text' },
  ],
};
const [, , mode, repository, file, argument] = process.argv;

/** Root writes where the mode forbids it, so it needs a mount that forbids it. */
function makeReadOnly(directory) {
  if (process.getuid() !== 0) return chmodSync(directory, 0o500);
  execFileSync('mount', ['--bind', directory, directory]);
  execFileSync('mount', ['-o', 'remount,bind,ro', directory]);
}

function commit(ticks, from, to) {
  for (let number = from; number < to; number++) {
    ticks.commit(now(), number, `a text of a few possible ${number % 10}`);
  }
}

const MODES = {
  /** Commits, flushes, now and then rotates, and says so, until it is killed. */
  async killed() {
    const recording = new Recording({ flushInterval: 10_000 }).start();
    const ticks = eventHandle(TICK);
    for (let number = 0; ; number += 1000) {
      commit(ticks, number, number + 1000);
      if (number % 7000 === 6000) recording.set({}); // begins a new chunk
      flush();
      console.log(number + 1000);
      if (number % 5000 === 0) await sleep(1);
    }
  },
  /** REPOSITORY is a small file system: commits until it is full, then makes it larger and goes on. */
  async full() {
    const recording = new Recording({ flushInterval: 20, destination: file }).start();
    const ticks = eventHandle(TICK);
    let full = false;
    process.on('warning', ({ message }) => {
      if (/ENOSPC/.test(message)) full = true;
    });
    for (let number = 0; !full; number += 500) {
      commit(ticks, number, number + 500);
      await sleep(5);
    }
    execFileSync('mount', ['-o', 'remount,size=16m', repository]);
    const chunks = () => readdirSync(repositoryDirectory()).length;
    for (const before = chunks(); chunks() === before; ) await sleep(20);
    commit(ticks, -10, 0);
    recording.stop();
  },
  /** The repository is removed, or made read-only, under the recorder. */
  async removed() {
    const recording = new Recording({ flushInterval: 20, destination: file }).start();
    const ticks = eventHandle(TICK);
    commit(ticks, 0, 1000);
    await sleep(100);
    if (argument === 'removed') rmSync(repositoryDirectory(), { recursive: true });
    else makeReadOnly(repositoryDirectory());
    commit(ticks, 1000, 2000);
    await sleep(1500);
    recording.set({});
    commit(ticks, 2000, 3000);
    await sleep(200);
    try {
      recording.stop();
    } catch (error) {
      console.log(error.code);
    }
  },
  /** Many workers that live for a moment, four at a time; with `unrecorded` nobody records them. */
  async shortLived() {
    const recorded = process.argv[6] !== 'unrecorded';
    const recording = recorded
      ? new Recording({ destination: file, flushInterval: 100 }).start()
      : undefined;
    const count = Number(argument);
    const residents = [];
    const measure = () => {
      globalThis.gc?.();
      residents.push(process.memoryUsage().rss);
    };
    let running = 0;
    let started = 0;
    let ended = 0;
    measure();
    await new Promise((done) => {
      const next = () => {
        while (running < 4 && started < count) {
          running++;
          const worker = new Worker(new URL(import.meta.url), {
            argv: [mode, repository, file, String(started++)],
          });
          worker.once('exit', () => {
            running--;
            ended++;
            if (ended % Math.ceil(count / 10) === 0) measure();
            if (ended === count) done();
            else next();
          });
        }
      };
      next();
    });
    recording?.stop();
    console.log(JSON.stringify({ residents }));
  },
  /** The workers of a cluster record as well, into their own files. */
  async cluster() {
    const own = cluster.isPrimary ? file : file.replace('.jfr', `-${cluster.worker.id}.jfr`);
    const recording = new Recording({ destination: own }).start();
    const ticks = eventHandle(TICK);
    commit(ticks, 0, 100);
    if (cluster.isPrimary) {
      const workers = [cluster.fork(), cluster.fork()];
      await Promise.all(workers.map((worker) => new Promise((done) => worker.once('exit', done))));
    }
    commit(ticks, 100, 200);
    recording.stop();
    if (!cluster.isPrimary) process.disconnect();
  },
  /** A child process records as well, into its own file. */
  async forked() {
    const recording = new Recording({ destination: file }).start();
    const ticks = eventHandle(TICK);
    commit(ticks, 0, 100);
    if (argument === undefined) {
      const child = fork(new URL(import.meta.url), [
        mode,
        repository,
        file.replace('.jfr', '-child.jfr'),
        'child',
      ]);
      await new Promise((done) => child.once('exit', done));
    }
    commit(ticks, 100, 200);
    recording.stop();
    console.log(readdirSync(repository).length);
  },
  /** A stack trace that is larger than a thread buffer. */
  async deep() {
    const recording = new Recording({ destination: file }).start();
    const ticks = eventHandle(TICK);
    const functions = Array.from(
      { length: 900 },
      (_, depth) => new Function('next', `return function depth${depth}() { return next(); }`),
    );
    const chain = functions.reduce(
      (next, make) => make(next),
      () => commit(ticks, 0, 1),
    );
    chain();
    recording.stop();
  },
  /** A worker more than there are slots. */
  async crowded() {
    const recording = new Recording({ destination: file }).start();
    commit(eventHandle(TICK), 0, 100);
    const worker = new Worker(new URL(import.meta.url), { argv: [mode, repository, file, '10'] });
    await new Promise((done) => worker.once('exit', done));
    recording.stop();
  },
  /** Two workers began before the recorder did. */
  async late() {
    const worker = new Worker(new URL(import.meta.url), { argv: ['lateWorker', repository, file] });
    await new Promise((ready) => worker.once('message', ready));
    const recording = new Recording({ destination: file }).start();
    worker.postMessage('go');
    await new Promise((done) => worker.once('exit', done));
    recording.stop();
  },
  /** The process ends without a word, by exit, an error, or the end of its work. */
  async ends() {
    new Recording({ destination: file }).start();
    commit(eventHandle(TICK), 0, 100);
    if (argument === 'exit') process.exit(3);
    if (argument === 'throw') throw new Error('on purpose');
  },
};

if (isMainThread) {
  const deep = mode === 'deep' ? { stackDepth: 1000, threadBufferSize: 4096 } : {};
  configureRecorder({ repository, slots: { shortLived: 8, crowded: 1 }[mode] ?? 512, ...deep });
  await MODES[mode]();
} else if (mode === 'lateWorker') {
  const { parentPort } = await import('node:worker_threads');
  const ticks = eventHandle(TICK);
  parentPort.postMessage('ready');
  parentPort.once('message', () => {
    const wait = () => {
      if (!ticks.enabled) return setTimeout(wait, 10);
      commit(ticks, 0, 100);
    };
    wait();
  });
} else {
  commit(eventHandle(TICK), Number(argument) * 10, Number(argument) * 10 + 10);
}
