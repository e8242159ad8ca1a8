// SPDX-License-Identifier: Apache-2.0
// Bench: service time per fault beside a handler in C; prefetching beside faulting; cost of recording
//
// A stand-in VMM (packages/pager/native/test-vmm.c) touches pages in one order and times every touch:
// what is measured is what a vCPU would wait. Handlers take turns, round by round.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  buildWorkingSet,
  encodeWorkingSet,
  type PagerOptions,
  spawnPager,
} from '../packages/pager/dist/index.js';
import { buildNative, TEST_VMM } from '../packages/pager/dist/native-build.js';
import {
  type Comparison,
  machine,
  printComparisons,
  printTable,
  quantile,
  show,
  spread,
} from './statistics.ts';

const PAGE = 4096;

interface Workload {
  readonly directory: string;
  readonly memory: string;
  readonly order: string;
  readonly workingSet: string;
  readonly pages: number;
  readonly program: string;
}

interface Round {
  /** Nanoseconds that each touch waited, in order. */
  readonly touches: number[];
  /** Nanoseconds per page that prefetching took, where there was any. */
  readonly prefetchPerPage?: number;
}

/** The same pseudo-random numbers in every run. */
function* numbers(seed: number): Generator<number, never> {
  let state = seed;
  for (;;) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    yield state >>> 8;
  }
}

/** Touches in clusters of one to five pages, as restored guests do (REAP: two to three on average). */
function touchOrder(pages: number, memoryPages: number): number[] {
  const random = numbers(1);
  const seen = new Set<number>();
  while (seen.size < pages) {
    const start = random.next().value % memoryPages;
    const length = 1 + (random.next().value % 5);
    for (let page = start; page < Math.min(start + length, memoryPages); page++) {
      if (seen.size < pages) seen.add(page);
    }
  }
  return [...seen];
}

async function prepare(directory: string, mib: number): Promise<Workload> {
  const memoryPages = (mib * 2 ** 20) / PAGE;
  const pages = memoryPages / 4;
  const memory = join(directory, 'memory');
  const content = Buffer.alloc(memoryPages * PAGE);
  for (let page = 0; page < memoryPages; page++) {
    // One page in eight is zero: guests have many of those.
    if (page % 8 !== 7) content.fill(page % 255 || 1, page * PAGE, (page + 1) * PAGE);
  }
  writeFileSync(memory, content);
  const order = touchOrder(pages, memoryPages);
  writeFileSync(join(directory, 'order'), Buffer.from(Uint32Array.from(order).buffer));
  const set = buildWorkingSet([order], {
    pageSize: PAGE,
    memoryBytes: memoryPages * PAGE,
    snapshotHash: '',
    isZero: (page) => page % 8 === 7,
  });
  writeFileSync(join(directory, 'working-set'), encodeWorkingSet(set));
  return {
    directory,
    memory,
    order: join(directory, 'order'),
    workingSet: join(directory, 'working-set'),
    pages,
    program: await buildNative(TEST_VMM),
  };
}

function touches(load: Workload, socket: string): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const out = join(load.directory, 'latency');
    const args = [socket, load.memory, 'pause', '150', 'replay', load.order, 'latency', out];
    const vmm = spawn(load.program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    vmm.on('close', (code) => {
      if (code !== 0) reject(new Error(`the stand-in VMM ended with ${code}`));
      else {
        const bytes = readFileSync(out);
        const words = new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
        resolve(Array.from(words, Number));
      }
    });
  });
}

async function reference(load: Workload, handler: string): Promise<Round> {
  const socket = join(load.directory, 'reference.sock');
  rmSync(socket, { force: true });
  const child = spawn(handler, [socket, load.memory], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  await once(child.stdout, 'data');
  const result = { touches: await touches(load, socket) };
  await closed;
  return result;
}

async function ours(load: Workload, options: Partial<PagerOptions> = {}): Promise<Round> {
  const socketPath = join(load.directory, 'pager.sock');
  const pager = spawnPager({
    socketPath,
    memoryPath: load.memory,
    readahead: 'populate',
    loop: 'native',
    ...options,
  });
  await pager.ready;
  const waited = touches(load, socketPath);
  const { pages, nanos } = await pager.resumable;
  const result = await waited;
  await pager.done;
  return pages === 0 ? { touches: result } : { touches: result, prefetchPerPage: nanos / pages };
}

/** Runs the bench; `rounds` of every handler, interleaved. */
export async function run(options: { rounds?: number; mib?: number } = {}): Promise<void> {
  const rounds = options.rounds ?? 15;
  const directory = mkdtempSync(join(tmpdir(), 'rekindle-bench-'));
  try {
    const load = await prepare(directory, options.mib ?? 64);
    const handler = join(directory, 'reference-handler');
    const source = new URL('./reference-handler.c', import.meta.url).pathname;
    execFileSync('cc', ['-O2', '-o', handler, source]);
    const peer: Round[] = [];
    const plain: Round[] = [];
    const recorded: Round[] = [];
    const prefetched: Round[] = [];
    const byDefault: Round[] = [];
    const prefetchedByDefault: Round[] = [];
    await reference(load, handler);
    await ours(load);
    for (let round = 0; round < rounds; round++) {
      peer.push(await reference(load, handler));
      plain.push(await ours(load));
      recorded.push(await ours(load, { recordPath: join(directory, 'run.jfr') }));
      const set = { workingSetPath: load.workingSet, policy: 'prefetch' } as const;
      prefetched.push(await ours(load, set));
      // As `rekindle restore` does it: what is not prefetched is not mapped by the pager ahead of its fault either.
      byDefault.push(await ours(load, { readahead: 'willneed' }));
      prefetchedByDefault.push(await ours(load, { ...set, readahead: 'willneed' }));
    }
    report(load, { peer, plain, recorded, prefetched, byDefault, prefetchedByDefault });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function report(
  load: Workload,
  all: Record<
    'peer' | 'plain' | 'recorded' | 'prefetched' | 'byDefault' | 'prefetchedByDefault',
    Round[]
  >,
) {
  const at = (runs: Round[], q: number) =>
    spread(runs.map(({ touches: nanos }) => quantile(nanos, q) / 1000));
  const mean = (runs: Round[]) =>
    spread(runs.map(({ touches: t }) => t.reduce((sum, n) => sum + n, 0) / t.length / 1000));
  const against = (what: string, q: number, runs: Round[], atMost: number): Comparison => ({
    what,
    ours: at(runs, q),
    peer: at(all.peer, q),
    peerName: 'C',
    unit: 'µs',
    atMost,
  });
  const perPage = (what: string, runs: Round[], faulting: Round[]): Comparison => ({
    what: `prefetch per page, ${what}`,
    ours: spread(runs.map((round) => (round.prefetchPerPage ?? 0) / 1000)),
    peer: mean(faulting),
    peerName: 'faulting',
    unit: 'µs',
    atMost: 0.125,
  });
  console.log(`${machine()}; ${load.pages} pages touched in clusters of 1 to 5\n`);
  printComparisons([
    against('fault, p50', 0.5, all.plain, 1.05),
    against('fault, p99', 0.99, all.plain, 1.1),
    against('recorded fault, p50', 0.5, all.recorded, 1.05),
    against('recorded fault, p99', 0.99, all.recorded, 1.1),
    {
      what: 'recording, mean',
      ours: mean(all.recorded),
      peer: mean(all.plain),
      peerName: 'unrecorded',
      unit: 'µs',
      atMost: 1.03,
    },
    perPage('source populated', all.prefetched, all.plain),
    perPage('default options', all.prefetchedByDefault, all.byDefault),
  ]);
  console.log();
  printTable(['touch of a prefetched page', 'value'], [['mean', show(mean(all.prefetched), 'µs')]]);
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '15' },
    mib: { type: 'string', default: '64' },
  },
});
if (process.argv[1] === new URL(import.meta.url).pathname) {
  await run({ rounds: Number(values.rounds), mib: Number(values.mib) });
}
