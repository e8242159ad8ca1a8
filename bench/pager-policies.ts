// SPDX-License-Identifier: Apache-2.0
// Bench: every restore policy on synthetic guests, memory cached and cold: what a guest waits for its pages
//
// A stand-in VMM touches a working set in clusters of one to five pages. `before` is how long the policy installs
// before the VM may run, `stall` how long its touches take afterwards, less what the same touches take once more
// when every page is there; what counts is the sum. Policies take turns, round by round.
//
// `auto` is what `rekindle restore` takes by default, asked before each restore.
//
// `--growth` shows four ways over working sets and guests of all sizes instead; `--service orders|tomcat` replays what
// a restore of that service touched, on its own memory (`--keep DIRECTORY` keeps the guest for another run).
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PAGER_POLICIES, type PagerPolicy, recommendPolicy } from '../packages/pager/dist/index.js';
import { serviceNamed } from './answering-guest.ts';
import { recordedGuest } from './recorded-guest.ts';
import { machine, printTable, type Spread, show, spread } from './statistics.ts';
import {
  forget,
  MIB,
  makeGuest,
  PAGE,
  remember,
  type SyntheticGuest,
  startSynthetic,
  tellWaits,
  touchWaits,
} from './synthetic-guest.ts';

type Way = 'file' | 'auto' | PagerPolicy;

interface Sample {
  /** Milliseconds. */
  readonly before: number;
  readonly stall: number;
  /** What `auto` took. */
  readonly way: Way;
}

async function measure(guest: SyntheticGuest, wanted: Way): Promise<Sample> {
  const way =
    wanted === 'auto' ? recommendPolicy(guest.memory, guest.workingSet, false).policy : wanted;
  const { order } = guest;
  const { vmm, pager } = await startSynthetic(guest, way === 'file' ? way : { policy: way }, [
    ...['replay', order, 'replay', order, ...tellWaits(guest)],
  ]);
  const told = touchWaits(guest, vmm);
  const resumable = await pager?.resumable;
  vmm.stdin!.write('\n');
  const waits = await told;
  await pager?.done;
  const half = waits.length / 2;
  const sum = (from: number, to: number): number =>
    waits.subarray(from, to).reduce((total, nanos) => total + Number(nanos), 0) / 1e6;
  const stall = Math.max(0, sum(0, half) - sum(half, waits.length));
  return { before: (resumable?.nanos ?? 0) / 1e6, stall, way };
}

type Samples = Map<Way, Sample[]>;

async function sampleAll(
  guest: SyntheticGuest,
  ways: readonly Way[],
  options: { rounds: number; cold: boolean },
): Promise<Samples> {
  const samples: Samples = new Map(ways.map((way) => [way, []]));
  for (let round = 0; round < options.rounds; round++) {
    for (const way of ways) {
      if (options.cold) forget(guest.memory);
      else remember(guest.memory);
      samples.get(way)!.push(await measure(guest, way));
    }
  }
  return samples;
}

const before = (samples: Samples, way: Way): Spread =>
  spread(samples.get(way)!.map((sample) => sample.before));
const stall = (samples: Samples, way: Way): Spread =>
  spread(samples.get(way)!.map((sample) => sample.stall));
const total = (samples: Samples, way: Way): Spread =>
  spread(samples.get(way)!.map((sample) => sample.before + sample.stall));
const ratio = (ours: Spread, peer: Spread): string => (ours.median / peer.median).toFixed(3);

function printPolicies(samples: Samples, pages: number): void {
  const rows = [...samples.keys()].map((way) => [
    way,
    show(before(samples, way), 'ms'),
    show(stall(samples, way), 'ms'),
    show(total(samples, way), 'ms'),
    `${((total(samples, way).median * 1000) / pages).toFixed(2)} µs`,
    ratio(stall(samples, way), stall(samples, 'on-demand')),
    ratio(total(samples, way), total(samples, 'on-demand')),
    ratio(total(samples, way), total(samples, 'file')),
  ]);
  printTable(
    [
      ...['policy', 'before', 'stall', 'sum', 'of a page'],
      ...['stall of on-demand', 'sum of on-demand', 'sum of file'],
    ],
    rows,
  );
}

/** 'guest:touched' in MiB, by commas. */
const sizes = (text: string): (readonly [number, number])[] =>
  text.split(',').map((size) => {
    const [mib = 256, touched = 10] = size.split(':').map(Number);
    return [mib, touched] as const;
  });

const GROWTH = '1024:10,1024:50,1024:100,1024:250,1024:500,256:50,4096:50,16384:50';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    growth: { type: 'boolean', default: false },
    // guest:touched, MiB
    guests: { type: 'string' },
    service: { type: 'string' },
    keep: { type: 'string' },
  },
});

const directory = values.keep ?? mkdtempSync(join(tmpdir(), 'rekindle-policies-'));
mkdirSync(directory, { recursive: true });
const rounds = Number(values.rounds);

async function* guests(): AsyncGenerator<SyntheticGuest> {
  if (values.service !== undefined) {
    yield await recordedGuest(directory, serviceNamed(values.service));
    return;
  }
  const defaults = values.growth ? GROWTH : '256:10,256:50,1024:100';
  for (const [mib, touched] of sizes(values.guests ?? defaults)) {
    const guest = makeGuest(directory, mib, touched);
    yield guest;
    rmSync(guest.memory);
  }
}

try {
  console.log(machine());
  const table: string[][] = [];
  const ways: Way[] = values.growth
    ? ['file', 'on-demand', 'prefetch', 'auto']
    : ['file', ...PAGER_POLICIES, 'auto'];
  for await (const guest of guests()) {
    const { mib, touchedMib } = guest;
    const touched = Number(touchedMib.toFixed(1));
    for (const cold of [false, true]) {
      const samples = await sampleAll(guest, ways, { rounds, cold });
      const cache = cold ? 'cold' : 'cached';
      if (values.growth) {
        const [demand, file] = [total(samples, 'on-demand'), total(samples, 'file')];
        const [ours, auto] = [total(samples, 'prefetch'), total(samples, 'auto')];
        const cells = [file, demand, ours, auto].map((value) => show(value, 'ms'));
        const taken = [...new Set(samples.get('auto')!.map(({ way }) => way))].join(', ');
        const stalls = ratio(stall(samples, 'prefetch'), stall(samples, 'on-demand'));
        const size = `${mib} MiB, ${touched} MiB touched, ${cache}`;
        table.push([
          size,
          ...cells,
          ratio(ours, demand),
          ratio(ours, file),
          stalls,
          `${ratio(auto, file)} (${taken})`,
        ]);
      } else {
        console.log(`\nguest of ${mib} MiB, ${touched} MiB touched, ${cache}:\n`);
        printPolicies(samples, (touchedMib * MIB) / PAGE);
      }
    }
  }
  if (values.growth) {
    printTable(
      [
        ...['guest', 'file', 'on-demand', 'prefetch', 'auto', 'prefetch of on-demand'],
        ...['prefetch of file', 'stall of on-demand', 'auto of file'],
      ],
      table,
    );
  }
} finally {
  if (values.keep === undefined) rmSync(directory, { recursive: true, force: true });
}
