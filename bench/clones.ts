// SPDX-License-Identifier: Apache-2.0
// Bench: eight clones of one snapshot at once beside one after the other: time until all answer, and memory
//
// Memory is the proportional set size (smaps): a page that n processes map counts 1/n in each. `guest` is what the
// VMMs map of the guest's memory and the pagers of what clones share, `all` every page of VMMs and pagers but for
// the pagers' views of the memory file: that is page cache, which the kernel takes back when it needs memory.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { restoreVm } from '../packages/microvm/src/index.ts';
import { PagerProcess, sharedPathFor } from '../packages/pager/src/index.ts';
import { answeringGuest, SERVICE, type VmSnapshot } from './answering-guest.ts';
import {
  type Comparison,
  machine,
  printComparisons,
  printTable,
  type Spread,
  show,
  spread,
} from './statistics.ts';
import {
  MIB,
  makeGuest,
  remember,
  type SyntheticGuest,
  startSynthetic,
} from './synthetic-guest.ts';

/** `one pager`: at once, the shared clones are served by one process; one after the other each has its own. */
const WAYS = ['file', 'prefetch', 'prefetch, shared', 'prefetch, shared, one pager'] as const;
type Way = (typeof WAYS)[number];
const shares = (way: Way): boolean => way.includes('shared');

interface Clone {
  readonly pids: readonly number[];
  end(): Promise<unknown>;
}

/** Brings one clone up; resolves when it answers. `process`: what serves it, beside others. */
type Start = (way: Way, number: number, process?: PagerProcess) => Promise<Clone>;

interface Memory {
  readonly guest: number;
  readonly all: number;
}

/** KiB of one process; `bytes`: the size of the guest's memory, by which its mapping is known. */
function memoryOf(pid: number, bytes: number): Memory {
  let inside = false;
  let view = false;
  const sum = { guest: 0, all: 0 };
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'latin1').split('\n')) {
    const range = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line);
    if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) {
      view = / r--p .*\/memory(-\d+)?$/.test(line);
      inside =
        range !== null && Number.parseInt(range[2]!, 16) - Number.parseInt(range[1]!, 16) === bytes;
    } else if (line.startsWith('Pss:')) {
      const kib = Number(/\d+/.exec(line)?.[0]);
      if (!view) sum.all += kib;
      if (inside) sum.guest += kib;
    }
  }
  return sum;
}

const memoryOfAll = (clones: readonly Clone[], bytes: number): Memory =>
  [...new Set(clones.flatMap(({ pids }) => pids))]
    .map((pid) => memoryOf(pid, bytes))
    .reduce((a, b) => ({ guest: a.guest + b.guest, all: a.all + b.all }));

interface Sample extends Memory {
  /** Milliseconds. */
  readonly time: number;
  /** How much of the machine's processors was busy meanwhile, 0 to 1: at 1 nothing can be faster at once. */
  readonly busy: number;
}

/** Ticks of all processors since the machine started: busy ones and all. */
function processorTicks(): { busy: number; all: number } {
  const line = /^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'latin1'))?.[1] ?? '';
  const ticks = line.split(' ').map(Number);
  // user nice system idle iowait irq softirq steal; guests are counted in user already. proc(5)
  const all = ticks.slice(0, 8).reduce((sum, count) => sum + count, 0);
  return { busy: all - ticks[3]! - ticks[4]!, all };
}

function busySince(before: { busy: number; all: number }): number {
  const now = processorTicks();
  return (now.busy - before.busy) / Math.max(1, now.all - before.all);
}

async function oneAfterTheOther(start: Start, way: Way, count: number, bytes: number) {
  const sum = { time: 0, guest: 0, all: 0, busy: 0 };
  for (let number = 0; number < count; number++) {
    const ticks = processorTicks();
    const began = performance.now();
    const clone = await start(way, number);
    sum.time += performance.now() - began;
    sum.busy += busySince(ticks) / count;
    const { guest, all } = memoryOfAll([clone], bytes);
    sum.guest += guest;
    sum.all += all;
    await clone.end();
  }
  return sum;
}

async function atOnce(start: Start, way: Way, count: number, bytes: number): Promise<Sample> {
  const ticks = processorTicks();
  const began = performance.now();
  const process = way === 'prefetch, shared, one pager' ? new PagerProcess() : undefined;
  const clones = await Promise.all(Array.from({ length: count }, (_, n) => start(way, n, process)));
  const time = performance.now() - began;
  const busy = busySince(ticks);
  const memory = memoryOfAll(clones, bytes);
  process?.close();
  await Promise.all(clones.map((clone) => clone.end()));
  return { time, busy, ...memory };
}

/** Clones of a synthetic guest: a stand-in VMM reads its working set. */
function syntheticStart(guest: SyntheticGuest): Start {
  const sharedPath = sharedPathFor({ memoryPath: guest.memory });
  return async (way, number, process) => {
    const wanted = { policy: 'prefetch', ...(shares(way) ? { sharedPath } : {}) } as const;
    const { vmm, pager } = await startSynthetic(
      guest,
      way === 'file' ? way : wanted,
      ['replay', guest.order, 'say', 'up', 'wait'],
      { socket: `socket-${number}`, process },
    );
    await pager?.resumable;
    vmm.stdin!.write('\n');
    await new Promise((resolve) => vmm.stdout!.once('data', resolve));
    return {
      pids: pager === undefined ? [vmm.pid!] : [vmm.pid!, pager.pid],
      end: async () => {
        vmm.kill('SIGKILL');
        await new Promise((resolve) => vmm.once('close', resolve));
        await pager?.done;
      },
    };
  };
}

const vmStart =
  ({ snapshot, workingSet }: VmSnapshot): Start =>
  async (way, number, pagerProcess) => {
    const vm = await restoreVm(snapshot, {
      name: `clone-${number}`,
      probe: SERVICE,
      ...(way === 'file'
        ? { policy: 'file' }
        : { policy: 'prefetch', workingSet, share: shares(way), pagerProcess }),
    });
    if (vm.answer === undefined) throw new Error('a clone did not answer');
    const pids = [vm.machine.pid, ...(vm.pager === undefined ? [] : [vm.pager.pid])];
    return { pids, end: () => vm.close() };
  };

async function compare(
  title: string,
  start: Start,
  bytes: number,
  options: { rounds: number; clones: number },
): Promise<void> {
  const { rounds, clones } = options;
  const serial = new Map<Way, Sample[]>(WAYS.map((way) => [way, []]));
  const parallel = new Map<Way, Sample[]>(WAYS.map((way) => [way, []]));
  for (const way of WAYS) await (await start(way, 0)).end();
  for (let round = 0; round < rounds; round++) {
    for (const way of WAYS) {
      serial.get(way)!.push(await oneAfterTheOther(start, way, clones, bytes));
      parallel.get(way)!.push(await atOnce(start, way, clones, bytes));
    }
  }
  const of = (samples: Map<Way, Sample[]>, way: Way, what: keyof Sample, scale = 1): Spread =>
    spread(samples.get(way)!.map((sample) => sample[what] / scale));
  console.log(`\n${title}; ${clones} clones, n = ${rounds}:\n`);
  printTable(
    [
      'policy',
      'one after the other',
      'at once',
      'processors busy',
      'guest memory of a clone',
      'all memory of a clone',
    ],
    WAYS.map((way) => [
      way,
      show(of(serial, way, 'time'), 'ms'),
      show(of(parallel, way, 'time'), 'ms'),
      [serial, parallel]
        .map((samples) => `${(of(samples, way, 'busy').median * 100).toFixed(0)} %`)
        .join(', at once '),
      ...(['guest', 'all'] as const).map(
        (what) =>
          `${(of(serial, way, what, 1024).median / clones).toFixed(1)} alone, ` +
          `${(of(parallel, way, what, 1024).median / clones).toFixed(1)} MiB of ${clones}`,
      ),
    ]),
  );
  const rows = WAYS.flatMap((way): Comparison[] => {
    const promised = way === 'file' || shares(way);
    const row = (what: keyof Sample, name: string, unit: string, atMost?: number): Comparison => ({
      what: `${way}: ${name}`,
      ours: of(parallel, way, what, unit === 'ms' ? 1 : 1024),
      peer: of(serial, way, what, unit === 'ms' ? 1 : 1024),
      peerName: `${clones} x one`,
      unit,
      ...(atMost === undefined ? {} : { atMost }),
    });
    return [
      row('time', 'time until all answer', 'ms', 0.5),
      row('guest', 'guest memory', 'MiB', promised ? 0.4 : undefined),
      row('all', 'all memory', 'MiB', promised ? 0.4 : undefined),
    ];
  });
  console.log();
  printComparisons(rows);
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    clones: { type: 'string', default: '8' },
    // which guests: a service in a VM, a synthetic one
    guests: { type: 'string', default: 'vm,synthetic' },
    mib: { type: 'string', default: '512' },
    touched: { type: 'string', default: '50' },
  },
});
const options = { rounds: Number(values.rounds), clones: Number(values.clones) };
const directory = mkdtempSync(join(tmpdir(), 'rekindle-clones-'));
try {
  console.log(machine());
  if (values.guests.includes('synthetic')) {
    const guest = makeGuest(directory, Number(values.mib), Number(values.touched));
    remember(guest.memory);
    const title = `synthetic guest of ${guest.mib} MiB, ${guest.touchedMib} MiB touched`;
    await compare(title, syntheticStart(guest), guest.mib * MIB, options);
  }
  if (values.guests.includes('vm')) {
    const vm = await answeringGuest(directory);
    const title = `the demo's service, ${vm.memoryBytes / MIB} MiB, working set ${vm.pages} pages`;
    await compare(title, vmStart(vm), vm.memoryBytes, options);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
