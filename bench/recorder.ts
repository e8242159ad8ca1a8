// SPDX-License-Identifier: Apache-2.0
// Bench: cost of a committed and of a disabled event, throughput, and what recording costs a server
//
// The peer of a commit is the JDK's own, of the same event in the same run. A server is loaded in turns
// with and without a recording. Runs in a RAM-backed directory, so that no disk is measured.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openRecording } from '../packages/jfr/dist/index.js';
import {
  type Comparison,
  machine,
  printComparisons,
  printTable,
  quantile,
  type Spread,
  show,
  spread,
} from './statistics.ts';

const WORK = fileURLToPath(new URL('./recorder-work.mjs', import.meta.url));
const REGISTER = new URL('../packages/recorder/dist/register.js', import.meta.url).href;
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '6' },
    seconds: { type: 'string', default: '2' },
    only: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const directory = mkdtempSync(join(memory, 'bench-recorder-'));
const file = join(directory, 'bench.jfr');

function work(mode: string, ...numbers: readonly number[]): number[] {
  const said = execFileSync(process.execPath, [WORK, mode, file, ...numbers.map(String)], {
    encoding: 'utf8',
    env: { ...process.env, REPOSITORY: directory },
  });
  return said.trim().split('\n').map(Number);
}

function findJava(): string | undefined {
  const base = '/usr/lib/jvm';
  const homes = existsSync(base) ? readdirSync(base).map((name) => join(base, name)) : [];
  const found = homes.find((home) => {
    const release = join(home, 'release');
    return existsSync(release) && /JAVA_VERSION="25/.test(readFileSync(release, 'utf8'));
  });
  return found === undefined ? undefined : join(found, 'bin/java');
}

function commits(): void {
  const java = findJava();
  const program = fileURLToPath(new URL('./java/CommitEvents.java', import.meta.url));
  const [batches, count] = [12, 100_000];
  const ours: number[] = [];
  const timed: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < Math.max(2, rounds / 2); round++) {
    // the first batches are the compilers'
    ours.push(...work('commit', batches, count).slice(4));
    timed.push(...work('timed', batches, count).slice(4));
    if (java === undefined) continue;
    const said = execFileSync(java, [program, file, String(batches), String(count)], {
      encoding: 'utf8',
    });
    theirs.push(...said.trim().split('\n').map(Number).slice(4));
  }
  const disabled = spread(work('disabled', 12, 10_000_000).slice(4));
  printTable(
    ['what', 'measured', 'promise', ''],
    [
      row('commit, 5 fields, ticks given', spread(ours), 'ns', 120),
      row('commit, 5 fields, with both clock readings', spread(timed), 'ns'),
      row('commit of a disabled event', disabled, 'ns', 3),
    ],
  );
  if (java === undefined) {
    console.log('\nno JDK 25 here: no peer for the commit');
    return;
  }
  console.log();
  const comparison = (what: string, samples: number[]): Comparison => ({
    what,
    ours: spread(samples),
    peer: spread(theirs),
    peerName: 'JDK 25 begin+commit',
    unit: 'ns',
    atMost: 2,
  });
  printComparisons([comparison('commit', ours), comparison('commit with clock', timed)]);
}

function row(what: string, value: Spread, unit: string, atMost?: number): string[] {
  const promise = atMost === undefined ? '-' : `<= ${atMost} ${unit}`;
  const verdict = atMost === undefined ? '' : value.median <= atMost ? 'holds' : 'MISSED';
  return [what, show(value, unit), promise, verdict];
}

async function throughput(): Promise<void> {
  const rates: number[] = [];
  let lost = 0;
  let events = 0;
  const count = 2_000_000;
  for (let round = 0; round < 3; round++) {
    rates.push(work('throughput', 2, count)[0]! / 1e6);
    const recording = await openRecording(readFileSync(file));
    for await (const chunk of recording.chunks()) {
      events += chunk.count('bench.Five');
      lost += chunk.count('jdk.DataLoss');
    }
  }
  const kept = `${events} of ${3 * 2 * count} events kept, ${lost} DataLoss`;
  console.log(`\n2 workers, default sizes: ${show(spread(rates), 'M events/s')}; ${kept}`);
}

interface Load {
  readonly perSecond: number;
  readonly p99: number;
  /** Microseconds of processor time, of all threads of the server: what a noisy machine spoils least. */
  readonly cpu: number;
}

/** Processor time of a process so far, in microseconds, in steps of 10 ms. */
function cpuMicros(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const values = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(values[11]) + Number(values[12])) * 10_000;
}

/** Requests over kept connections for so long. */
async function load(port: number, seconds: number, pid: number): Promise<Load> {
  const before = cpuMicros(pid);
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const latencies: number[] = [];
  const end = performance.now() + seconds * 1000;
  const client = async (): Promise<void> => {
    while (performance.now() < end) {
      const start = performance.now();
      await new Promise<void>((resolve, reject) => {
        get({ host: '127.0.0.1', port, agent, path: '/items' }, (response) => {
          response.resume();
          response.once('end', resolve);
        }).once('error', reject);
      });
      latencies.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: 16 }, client));
  agent.destroy();
  return {
    perSecond: latencies.length / seconds,
    p99: quantile(latencies, 0.99),
    cpu: (cpuMicros(pid) - before) / latencies.length,
  };
}

const SERVERS: Readonly<Record<string, readonly [args: readonly string[], options: string]>> = {
  plain: [[], ''],
  'default settings': [['--import', REGISTER], `filename=${file},settings=default`],
  'profile settings': [['--import', REGISTER], `filename=${file},settings=profile`],
  '--cpu-prof': [['--cpu-prof', `--cpu-prof-dir=${directory}`], ''],
  'trace events (node, v8)': [
    ['--trace-event-categories=node,v8', `--trace-event-file-pattern=${directory}/trace.log`],
    '',
  ],
};

async function servers(): Promise<void> {
  const found = new Map<string, Load[]>();
  for (let round = 0; round < rounds; round++) {
    for (const [name, [args, options]] of Object.entries(SERVERS)) {
      const environment: NodeJS.ProcessEnv = { ...process.env, REPOSITORY: directory };
      if (options !== '') environment.REKINDLE_START_FLIGHT_RECORDING = options;
      const child = spawn(process.execPath, [...args, WORK, 'http'], {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: environment,
      });
      const [port] = await once(child.stdout!, 'data');
      await load(Number(port), 0.5, child.pid!);
      found.set(name, [
        ...(found.get(name) ?? []),
        await load(Number(port), Number(values.seconds), child.pid!),
      ]);
      child.stdin!.end();
      await once(child, 'exit');
    }
  }
  const plain = found.get('plain')!;
  const rows = [...found].map(([name, loads]) => {
    const ratio = (pick: (load: Load) => number): number =>
      quantile(
        loads.map((load, index) => pick(load) / pick(plain[index]!)),
        0.5,
      );
    const [speed, tail] = [ratio((item) => item.perSecond), ratio((item) => item.p99)];
    const holds = speed >= 0.98 && tail <= 1.05 ? 'holds' : 'MISSED';
    return [
      name,
      show(spread(loads.map(({ perSecond }) => perSecond)), 'requests/s'),
      show(spread(loads.map(({ p99 }) => p99)), 'ms'),
      show(spread(loads.map(({ cpu }) => cpu)), 'µs'),
      speed.toFixed(3),
      tail.toFixed(3),
      ratio((item) => item.cpu).toFixed(3),
      name === 'default settings' ? '>= 0.98, <= 1.05' : '-',
      name === 'default settings' ? holds : '',
    ];
  });
  console.log();
  printTable(['server', 'throughput', 'p99', 'throughput ratio', 'p99 ratio', 'promise', ''], rows);
}

try {
  console.log(`${machine()}\n`);
  if (values.only !== 'server') {
    commits();
    await throughput();
  }
  if (values.only !== 'commit') await servers();
} finally {
  rmSync(directory, { recursive: true, force: true });
}
