// SPDX-License-Identifier: Apache-2.0
// Bench: every restore policy on synthetic guests, memory cached and cold: what a guest waits for its pages
//
// A stand-in VMM touches a working set in clusters of one to five pages. `before` is what the policy
// installs before the VM may run, `stall` the time its touches wait afterwards; what counts is the sum.
// Policies take turns, round by round.
import { execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  fdatasyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  buildWorkingSet,
  encodeWorkingSet,
  PAGER_POLICIES,
  type PagerPolicy,
  spawnPager,
} from '../packages/pager/dist/index.js';
import { buildNative, TEST_VMM } from '../packages/pager/dist/native-build.js';
import { machine, printTable, show, spread } from './statistics.ts';

const PAGE = 4096;
const MIB = 2 ** 20;

type Way = 'file' | PagerPolicy;

interface Guest {
  readonly directory: string;
  readonly memory: string;
  readonly order: string;
  readonly workingSet: string;
  readonly touched: number;
}

interface Sample {
  /** Milliseconds. */
  readonly before: number;
  readonly stall: number;
}

/** A memory of `mib` of which a quarter is holes, and a touch order of `touchedMib` of it. */
function makeGuest(directory: string, mib: number, touchedMib: number): Guest {
  const memory = join(directory, `memory-${mib}`);
  const pages = (mib * MIB) / PAGE;
  const fd = openSync(memory, 'w');
  const piece = Buffer.alloc(3 * MIB, 0x5a);
  for (let at = 0; at < mib; at += 4) writeSync(fd, piece, 0, piece.length, at * MIB);
  writeSync(fd, Buffer.alloc(PAGE), 0, PAGE, pages * PAGE - PAGE);
  fdatasyncSync(fd);
  closeSync(fd);
  const seen = new Set<number>();
  let state = 7;
  const random = (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % below;
  };
  const touched = (touchedMib * MIB) / PAGE;
  while (seen.size < touched) {
    const start = random(pages);
    const end = Math.min(start + 1 + random(5), pages);
    for (let page = start; page < end && seen.size < touched; page++) seen.add(page);
  }
  const order = [...seen];
  const isHole = (page: number): boolean => Math.floor((page * PAGE) / MIB) % 4 === 3;
  writeFileSync(join(directory, 'order'), Buffer.from(Uint32Array.from(order).buffer));
  writeFileSync(
    join(directory, 'working-set'),
    encodeWorkingSet(
      buildWorkingSet([order], {
        pageSize: PAGE,
        memoryBytes: mib * MIB,
        snapshotHash: '',
        isZero: isHole,
        hotRank: touched / 2,
      }),
    ),
  );
  return {
    directory,
    memory,
    order: join(directory, 'order'),
    workingSet: join(directory, 'working-set'),
    touched,
  };
}

/** Makes the kernel forget the file's pages, and only those. */
const forget = (path: string): void =>
  void execFileSync('dd', [`of=${path}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0'], {
    stdio: 'ignore',
  });

function remember(path: string): void {
  const fd = openSync(path, 'r');
  execFileSync('cat', { stdio: [fd, 'ignore', 'ignore'] });
  closeSync(fd);
}

async function measure(guest: Guest, program: string, way: Way): Promise<Sample> {
  const socketPath = join(guest.directory, 'socket');
  const out = join(guest.directory, 'latency');
  const pager =
    way === 'file'
      ? undefined
      : spawnPager({
          socketPath,
          memoryPath: guest.memory,
          workingSetPath: guest.workingSet,
          policy: way,
          readahead: way === 'on-demand' ? 'none' : 'willneed',
        });
  await pager?.ready;
  const options = way === 'file' ? ['--preload'] : [];
  const args = [
    ...options,
    socketPath,
    guest.memory,
    'wait',
    'replay',
    guest.order,
    'latency',
    out,
  ];
  const vmm = spawn(program, ['--alarm', '120', ...args], { stdio: ['pipe', 'ignore', 'inherit'] });
  const ended = new Promise<void>((resolve, reject) => {
    vmm.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`VMM: ${code}`))));
  });
  const resumable = await pager?.resumable;
  vmm.stdin.write('\n');
  await ended;
  await pager?.done;
  const bytes = readFileSync(out);
  const waits = new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
  const stall = waits.reduce((sum, nanos) => sum + Number(nanos), 0) / 1e6;
  return { before: (resumable?.nanos ?? 0) / 1e6, stall };
}

async function compare(guest: Guest, program: string, rounds: number, cold: boolean) {
  const ways: Way[] = ['file', ...PAGER_POLICIES];
  const samples = new Map<Way, Sample[]>(ways.map((way) => [way, []]));
  for (let round = 0; round < rounds; round++) {
    for (const way of ways) {
      if (cold) forget(guest.memory);
      else remember(guest.memory);
      samples.get(way)!.push(await measure(guest, program, way));
    }
  }
  const total = (way: Way): number =>
    spread(samples.get(way)!.map(({ before, stall }) => before + stall)).median;
  return ways.map((way) => {
    const of = samples.get(way)!;
    return [
      way,
      show(spread(of.map(({ before }) => before)), 'ms'),
      show(spread(of.map(({ stall }) => stall)), 'ms'),
      show(spread(of.map(({ before, stall }) => before + stall)), 'ms'),
      (total(way) / total('on-demand')).toFixed(2),
      (total(way) / total('file')).toFixed(2),
    ];
  });
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    // guest:touched, MiB
    guests: { type: 'string', default: '256:10,256:50,1024:100' },
  },
});

const directory = mkdtempSync(join(tmpdir(), 'rekindle-policies-'));
try {
  const program = await buildNative(TEST_VMM);
  console.log(machine());
  for (const size of values.guests.split(',')) {
    const [mib = 256, touched = 10] = size.split(':').map(Number);
    const guest = makeGuest(directory, mib, touched);
    for (const cold of [false, true]) {
      const rows = await compare(guest, program, Number(values.rounds), cold);
      console.log(`\nguest of ${mib} MiB, ${touched} MiB touched, ${cold ? 'cold' : 'cached'}:\n`);
      const head = ['policy', 'before', 'stall', 'sum', 'of on-demand', 'of file'];
      printTable(head, rows);
    }
    rmSync(guest.memory);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
