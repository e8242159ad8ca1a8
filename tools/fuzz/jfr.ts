// SPDX-License-Identifier: Apache-2.0
// Fuzzes the reader of recordings: mutated files, everything read. What may not happen: a hang (a run of
// more than a second of processor time), an error that is no JfrError, any error at all while salvaging,
// more than 512 MB of memory.
//
// A failing run prints its seed; `npm run fuzz -- jfr --runs 1 --seed S` is that run again.
import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { JfrError } from '../../packages/jfr/src/index.ts';
import { makeSeeds, type Seed } from './support/jfr-seeds.ts';
import { mutate, Random } from './support/mutate.ts';
import { readEverything, type Tally, useAsTool } from './support/read-everything.ts';

const HANG_MILLIS = 1000;
const MEMORY_BYTES = 512 * 2 ** 20;
/** Of /proc, on every Linux that Node.js runs on. */
const TICKS_PER_SECOND = 100;
/** Runs between lines of progress. */
const PROGRESS = 50_000;
/** Seconds of processor time in silence after which the child is taken for hung; waiting for a turn is none. */
const SILENCE_SECONDS = 10;

export interface FuzzOptions {
  readonly runs: number;
  readonly seed: number;
}

/** Runs in a child process, so that a hang or a crash is seen; true when nothing was found. */
export async function run({ runs, seed }: FuzzOptions): Promise<boolean> {
  const child = fork(fileURLToPath(import.meta.url), [String(runs), String(seed)], {
    execArgv: ['--conditions=@rekindle/source', '--import', 'tsx', '--max-old-space-size=512'],
  });
  let done = 0;
  let heard = 0;
  let finished = false;
  child.on('message', (message: { done: number; finished?: boolean }) => {
    ({ done } = message);
    finished ||= message.finished === true;
    heard = processorSeconds(child.pid);
  });
  const watch = setInterval(() => {
    if (processorSeconds(child.pid) - heard < SILENCE_SECONDS) return;
    console.log(`hang: nothing heard after run ${done} (seed ${seed + done} or one after it)`);
    child.kill('SIGKILL');
  }, 1000);
  const code = await new Promise<number | null>((resolve) => child.on('exit', resolve));
  clearInterval(watch);
  return code === 0 && finished;
}

/** What a process has used so far; its start counts. */
function processorSeconds(pid: number | undefined): number {
  try {
    // behind the name, which may hold anything: state is the third field, utime the 14th (proc(5))
    const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(/\) (?=[^)]*$)/);
    const [user, system] = fields.split(' ').slice(11, 13);
    return (Number(user) + Number(system)) / TICKS_PER_SECOND;
  } catch {
    return 0; // it has ended: its exit code says how
  }
}

async function one(
  seeds: readonly Seed[],
  seed: number,
  tally: Tally,
): Promise<string | undefined> {
  const random = new Random(seed);
  // the recordings of the JDK are larger, and slower to read
  const start = random.below(100) < 92 ? random.of(seeds.slice(0, 3)) : random.of(seeds);
  const bytes = mutate(start.bytes, random.of(seeds).bytes, random);
  const decode = random.below(2) === 0 ? 'compiled' : 'interpreted';
  const asFile = random.below(2) === 0;
  const use = random.below(40);
  const ways = {
    strict: () => readEverything(bytes, 'strict', decode, asFile, tally),
    salvage: () => readEverything(bytes, 'salvage', decode, asFile, tally),
    // not always: it takes longer than the rest
    tool: async () => (use < 10 ? await useAsTool(bytes, use) : undefined),
  };
  for (const [mode, read] of Object.entries(ways)) {
    const before = process.cpuUsage();
    try {
      await read();
    } catch (error) {
      tally.refused++;
      if (!(error instanceof JfrError)) return `${mode}, ${start.name}: ${(error as Error).stack}`;
      if (mode !== 'strict') return `${mode} threw, ${start.name}: ${error.stack}`;
    }
    const spent = process.cpuUsage(before);
    const millis = (spent.user + spent.system) / 1000;
    if (millis > HANG_MILLIS)
      return `${mode}, ${start.name}: ${millis.toFixed(0)} ms of processor time`;
  }
  const { rss } = process.memoryUsage();
  return rss > MEMORY_BYTES
    ? `${start.name}: ${(rss / 2 ** 20).toFixed(0)} MB resident`
    : undefined;
}

/** The child: all runs, one after the other. */
async function work(runs: number, first: number): Promise<number> {
  const seeds = await makeSeeds();
  const tally: Tally = { events: 0, cells: 0, losses: 0, refused: 0 };
  const began = Date.now();
  let told = 0;
  for (let index = 0; index < runs; index++) {
    const found = await one(seeds, first + index, tally);
    if (found !== undefined) {
      console.log(`seed ${first + index}: ${found}`);
      return 1;
    }
    if (index > 0 && index % PROGRESS === 0) console.log(`${index} runs, nothing found`);
    if (Date.now() - told > 500) {
      told = Date.now();
      process.send?.({ done: index });
    }
  }
  const seconds = (Date.now() - began) / 1000;
  // not maxRSS, which keeps across execve(2) what the parent was
  const status = readFileSync('/proc/self/status', 'utf8');
  const peak = Number(/VmHWM:\s+(\d+)/.exec(status)![1]) / 1024;
  console.log(
    `${runs} runs from seed ${first} on ${seeds.length} recordings in ${seconds.toFixed(0)} s: no hang, no foreign error, peak ${peak.toFixed(0)} MB`,
  );
  console.log(
    `read ${tally.events} events and ${tally.cells} values; ${tally.refused} refusals, ${tally.losses} losses reported`,
  );
  await new Promise((told) => process.send?.({ done: runs, finished: true }, told));
  return 0;
}

if (process.send !== undefined && process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = await work(Number(process.argv[2]), Number(process.argv[3]));
  process.disconnect();
}
