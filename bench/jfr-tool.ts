// SPDX-License-Identifier: Apache-2.0
// Bench: `rekindle jfr summary` and `print --json`, whole processes, beside the JDK's `jfr`
//
//   npm run bench -- jfr-tool [--events 4000000] [--rounds 3] [--only summary] [--check] [--large]
//
// Output goes to /dev/null: a disk that is slower than both would make them equal. A round is one run of
// ours and one of the JDK's; a summary, short as it is, is taken five times as often. `--only` summary or
// print: that alone. The memory is the process's largest resident size (VmHWM). `--check` compares the whole output of both, byte for byte.
// `--large` measures the memory on a recording of ten times the size; the JDK's print of it, which would
// take ten minutes, is ended after one and a half: its peak is at least what was seen until then.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Jdk, newestJdk } from '../packages/jfr/src/testing/jdk.ts';
import { plainEnvironment } from './environment.ts';
import { corpus } from './jfr-corpus.ts';
import { type Comparison, machine, printComparisons, spread } from './statistics.ts';

const CLI = fileURLToPath(new URL('../packages/cli/bin/rekindle.cjs', import.meta.url));

/** A program that does nothing. */
const EMPTY = fileURLToPath(new URL('empty.cjs', import.meta.url));

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '4000000' },
    rounds: { type: 'string', default: '3' },
    check: { type: 'boolean', default: false },
    large: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
});

interface Tool {
  readonly command: string;
  readonly args: readonly string[];
}

interface Run {
  readonly millis: number;
  /** Bytes. */
  readonly peak: number;
}

/**
 * `poll`: milliseconds between looks at the process's memory; 0: none, its time is measured. `most`:
 * milliseconds after which the process is ended.
 */
async function run(tool: Tool, args: readonly string[], poll: number, most?: number): Promise<Run> {
  const began = performance.now();
  const child = spawn(tool.command, [...tool.args, ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: plainEnvironment(),
  });
  let peak = 0;
  const timer = poll > 0 ? setInterval(() => (peak = peakOf(child) ?? peak), poll) : undefined;
  const end = most === undefined ? undefined : setTimeout(() => child.kill(), most);
  const [code] = (await once(child, 'exit')) as [number | null];
  const millis = performance.now() - began;
  clearInterval(timer);
  clearTimeout(end);
  if (code !== 0 && most === undefined)
    throw new Error(`${tool.command} ${args.join(' ')}: exit code ${code}`);
  return { millis, peak };
}

function peakOf({ pid }: ChildProcess): number | undefined {
  try {
    const kilobytes = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined; // it has ended
  }
}

interface Work {
  readonly what: string;
  readonly args: readonly string[];
  readonly rounds: number;
  /** Milliseconds between looks at the memory, which is measured in rounds of its own. */
  readonly poll: number;
  readonly timeAtMost?: number;
  /** Promised for a file of 1 GB. */
  readonly memoryAtMost?: number;
  /** Milliseconds after which the peer is ended when its memory is measured. */
  readonly peerMost?: number;
}

async function compare(ours: Tool, theirs: Tool, work: Work): Promise<Comparison[]> {
  const samples = { ours: [] as Run[], peer: [] as Run[] };
  for (let round = 0; round < work.rounds; round++) {
    samples.ours.push(await run(ours, work.args, 0));
    samples.peer.push(await run(theirs, work.args, 0));
  }
  const memory = {
    ours: await run(ours, work.args, work.poll),
    peer: await run(theirs, work.args, work.poll, work.peerMost),
  };
  const peerName = `JDK ${work.args[0]}`;
  const time: Comparison = {
    what: `${work.what}, time`,
    ours: spread(samples.ours.map(({ millis }) => millis)),
    peer: spread(samples.peer.map(({ millis }) => millis)),
    peerName,
    unit: 'ms',
    ...(work.timeAtMost !== undefined && { atMost: work.timeAtMost }),
  };
  const peak: Comparison = {
    what: `${work.what}, peak memory`,
    ours: spread([memory.ours.peak / 1e6]),
    peer: spread([memory.peer.peak / 1e6]),
    peerName,
    unit: 'MB',
    ...(work.memoryAtMost !== undefined && { atMost: work.memoryAtMost }),
  };
  return work.rounds === 0 ? [peak] : [time, peak];
}

/** Compares two outputs while they are written; they may be larger than any disk. */
async function checkEqual(ours: Tool, theirs: Tool, args: readonly string[]): Promise<void> {
  const children = [ours, theirs].map(({ command, args: first }) =>
    spawn(command, [...first, ...args], { stdio: ['ignore', 'pipe', 'inherit'] }),
  );
  const [left, right] = children.map((child) => pieces(child.stdout!));
  let total = 0;
  let a: Buffer | undefined = await left!();
  let b: Buffer | undefined = await right!();
  while (a && b) {
    const length = Math.min(a.length, b.length);
    if (a.compare(b, 0, length, 0, length) !== 0) throw new Error(`differs after ${total} bytes`);
    total += length;
    a = a.length > length ? a.subarray(length) : await left!();
    b = b.length > length ? b.subarray(length) : await right!();
  }
  if (a || b) throw new Error(`one output ends after ${total} bytes`);
  console.log(`jfr ${args[0]}: ${total} bytes, equal to the JDK's\n`);
}

function pieces(stream: Readable): () => Promise<Buffer | undefined> {
  const iterator = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  return async () => {
    const { done, value } = await iterator.next();
    return done ? undefined : value;
  };
}

async function main(jdk: Jdk): Promise<void> {
  const ours: Tool = { command: process.execPath, args: [CLI, 'jfr'] };
  const theirs: Tool = { command: join(jdk.home, 'bin/jfr'), args: [] };
  const rounds = Number(values.rounds);
  const file = corpus(jdk, Number(values.events));
  console.log(`${machine()}, JDK ${jdk.version}`);
  console.log(`${(statSync(file).size / 1e6).toFixed(0)} MB, ${values.events} events and more\n`);
  if (values.check) {
    await checkEqual(ours, theirs, ['summary', file]);
    await checkEqual(ours, theirs, ['print', '--json', file]);
  }
  const works: Work[] = [
    {
      what: 'summary',
      args: ['summary', file],
      rounds: rounds * 5,
      poll: 2,
      timeAtMost: 0.2,
    },
    {
      what: 'print --json',
      args: ['print', '--json', file],
      rounds,
      poll: 100,
      timeAtMost: 0.2,
    },
  ];
  await measure(ours, theirs, works);
  const bare = Array.from({ length: 10 }, () => {
    const began = performance.now();
    spawnSync(process.execPath, [EMPTY], { env: plainEnvironment() });
    return performance.now() - began;
  });
  console.log(`\nNode.js alone, doing nothing: ${spread(bare).median.toFixed(0)} ms\n`);
  if (!values.large) return;
  const large = corpus(jdk, Number(values.events) * 10);
  console.log(`${(statSync(large).size / 1e6).toFixed(0)} MB\n`);
  await measure(ours, theirs, [
    { what: 'summary', args: ['summary', large], rounds, poll: 2, memoryAtMost: 0.5 },
    {
      what: 'print --json',
      args: ['print', '--json', large],
      rounds: 0,
      poll: 100,
      peerMost: 90_000,
      memoryAtMost: 0.5,
    },
  ]);
}

async function measure(ours: Tool, theirs: Tool, works: readonly Work[]): Promise<void> {
  const rows: Comparison[] = [];
  for (const work of works) {
    if (values.only === undefined || work.args[0] === values.only) {
      rows.push(...(await compare(ours, theirs, work)));
    }
  }
  printComparisons(rows);
}

const jdk = newestJdk(25);
if (!jdk) {
  console.error('no JDK of 25 or newer: it is the peer, and makes the recording');
  process.exit(1);
}
await main(jdk);
