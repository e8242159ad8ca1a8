// SPDX-License-Identifier: Apache-2.0
// Bench: reading a large recording (summary, every field, one type), beside the JDK's own reader
//
//   npm run bench -- jfr [--events 4000000] [--rounds 7] [--linear]
//
// The recording is made once by bench/java/JfrCorpus.java and kept in node_modules/.cache. The peer,
// bench/java/JfrPeer.java, is one warm JVM that does a round when told to; ours is this process. Both
// print what they read (events, characters, frames), and the two must be equal. `--linear` reads
// recordings of a tenth and of ten times the size as well.
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openFileSource } from '../packages/bytes/src/node.ts';
import { openRecording } from '../packages/jfr/src/index.ts';
import { type Jdk, newestJdk } from '../packages/jfr/src/testing/jdk.ts';
import { bundle } from './bundle.ts';
import { plainEnvironment } from './environment.ts';
import { corpus } from './jfr-corpus.ts';
import { readAll, readOne, type Work } from './jfr-work.ts';
import { machine, printComparisons, printTable, type Spread, show, spread } from './statistics.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CLI = join(ROOT, 'packages/cli/bin/rekindle.cjs');
const PEER = join(ROOT, 'bench/java/JfrPeer.java');

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '4000000' },
    rounds: { type: 'string', default: '7' },
    linear: { type: 'boolean', default: false },
  },
});

/** A warm JVM that does a round at a time. */
class Peer {
  readonly #java: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  constructor(jdk: Jdk) {
    this.#java = spawn(join(jdk.home, 'bin/java'), [PEER]);
    this.#lines = createInterface(this.#java.stdout)[Symbol.asyncIterator]();
  }

  async run(work: string, file: string): Promise<[millis: number, result: string]> {
    this.#java.stdin.write(`${work} ${file}\n`);
    const { value } = await this.#lines.next();
    const [millis, ...result] = String(value).split(' ');
    return [Number(millis), result.join(' ')];
  }

  /** Largest resident size so far, in bytes. */
  get peak(): number {
    const status = readFileSync(`/proc/${this.#java.pid}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) * 1024;
  }

  async end(): Promise<void> {
    this.#java.stdin.end();
    await once(this.#java, 'exit');
  }
}

async function compare(jdk: Jdk, events: number, rounds: number): Promise<void> {
  const file = corpus(jdk, events);
  const { places } = await openRecording(openFileSource(file));
  const megabytes = statSync(file).size / 1e6;
  console.log(`${machine()}, JDK ${jdk.version}`);
  console.log(`${megabytes.toFixed(0)} MB, ${events} events and more, ${places.length} chunks\n`);

  const summary = { ours: [] as number[], peer: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    summary.ours.push(wall(process.execPath, [CLI, 'jfr', 'summary', file]));
    summary.peer.push(wall(join(jdk.home, 'bin/jfr'), ['summary', file]));
  }
  const works: Record<string, (file: string) => Promise<Work>> = { all: readAll, one: readOne };
  const peer = new Peer(jdk);
  const measured = new Map<string, { ours: Spread; peer: Spread }>();
  for (const [name, work] of Object.entries(works)) {
    const ours: number[] = [];
    const theirs: number[] = [];
    // the first two rounds warm both up
    for (let round = -2; round < rounds; round++) {
      const [millis, result] = await peer.run(name, file);
      const began = performance.now();
      const read = await work(file);
      const took = performance.now() - began;
      const got = `${read.events} ${read.characters} ${read.frames}`;
      if (got !== result) throw new Error(`${name}: we read ${got}, the JDK ${result}`);
      if (round < 0) continue;
      ours.push(took);
      theirs.push(millis);
    }
    measured.set(name, { ours: spread(ours), peer: spread(theirs) });
  }
  const peerPeak = peer.peak;
  await peer.end();
  const all = measured.get('all')!;
  const one = measured.get('one')!;
  printComparisons([
    {
      what: '`jfr summary`, whole process',
      ours: spread(summary.ours),
      peer: spread(summary.peer),
      peerName: 'jfr summary',
      unit: 'ms',
      atMost: 0.2,
    },
    {
      what: 'every field of every event',
      ...all,
      peerName: 'RecordingFile',
      unit: 'ms',
      atMost: 0.4,
    },
    {
      what: 'ExecutionSample with stacks',
      ...one,
      peerName: 'EventStream',
      unit: 'ms',
      atMost: 0.25,
    },
  ]);
  console.log('\nPeak memory (the JDK with its default heap, over both works)\n');
  printTable(
    ['work', 'ours, MB', 'JDK, MB', 'ratio'],
    ['summary', 'one', 'all'].map((work) => {
      const { peak } = inChild(work, file);
      const ratio = (peak / peerPeak).toFixed(3);
      return [work, (peak / 1e6).toFixed(0), (peerPeak / 1e6).toFixed(0), ratio];
    }),
  );
}

/** Cost by size, each work in a fresh process, ours and the JDK's. */
async function linear(jdk: Jdk, events: number): Promise<void> {
  const rows: string[][] = [];
  for (const factor of [0.1, 1, 10]) {
    const file = corpus(jdk, events * factor);
    const megabytes = statSync(file).size / 1e6;
    for (const work of ['summary', 'one', 'all']) {
      const runs = Array.from({ length: 3 }, () => inChild(work, file));
      const time = spread(runs.map(({ millis }) => millis));
      let peer: [millis: string, peak: string] = ['-', '-'];
      if (work !== 'summary') {
        const java = new Peer(jdk);
        const [millis] = await java.run(work, file);
        peer = [`${millis.toFixed(0)} ms`, (java.peak / 1e6).toFixed(0)];
        await java.end();
      }
      rows.push([
        megabytes.toFixed(0),
        work,
        show(time, 'ms'),
        (time.median / megabytes).toFixed(2),
        (runs[0]!.peak / 1e6).toFixed(0),
        ...peer,
      ]);
    }
  }
  console.log('\nCost by size (a fresh process each, its start not counted)\n');
  const head = ['MB', 'work', 'ours', 'ms per MB', 'peak, MB', 'JDK, one run', 'JDK peak, MB'];
  printTable(head, rows);
}

/** One work in a process of its own, which is Node.js and the reader and nothing else. */
function inChild(work: string, file: string): { millis: number; peak: number } {
  const run = spawnSync(process.execPath, [alone.path, work, file], {
    encoding: 'utf8',
    env: plainEnvironment(),
  });
  if (run.status !== 0) throw new Error(run.stderr);
  return JSON.parse(run.stdout) as { millis: number; peak: number };
}

function wall(command: string, args: readonly string[]): number {
  const began = performance.now();
  const run = spawnSync(command, args, { env: plainEnvironment() });
  if (run.status !== 0) throw new Error(`${command}: ${run.stderr}`);
  return performance.now() - began;
}

const jdk = newestJdk(25);
if (!jdk) {
  console.error('no JDK of 25 or newer: it is the peer, and makes the recording');
  process.exit(1);
}
const alone = await bundle(join(ROOT, 'bench/jfr-alone.ts'));
try {
  if (Number(values.rounds) > 0) {
    await compare(jdk, Number(values.events), Number(values.rounds));
  }
  if (values.linear) await linear(jdk, Number(values.events));
} finally {
  alone.remove();
}
