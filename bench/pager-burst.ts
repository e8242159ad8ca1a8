// SPDX-License-Identifier: Apache-2.0
// Bench: faults without a pause, recorded: how many a second, and whether the recording has every one
//
// The stand-in VMM touches 16 MiB page by page, gives all back, and again, forty times: 163,840 faults as fast as
// they are served. The loop that serves them and the one vCPU that waits for it want two processors; the recording
// has what they leave.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openRecording } from '../packages/jfr/dist/index.js';
import { machine, printTable, show, spread } from './statistics.ts';
import {
  MIB,
  makeGuest,
  PAGE,
  remember,
  type SyntheticGuest,
  startSynthetic,
  tellWaits,
  touchWaits,
} from './synthetic-guest.ts';

const GUEST_MIB = 64;
const TOUCHED_MIB = 16;
const TIMES = 40;

interface Burst {
  /** Faults a second that the VMM saw served. */
  readonly perSecond: number;
  readonly touched: number;
  /** In the recording. */
  readonly recorded: number;
  /** That the pager says are not. */
  readonly lost: number;
}

async function burst(guest: SyntheticGuest): Promise<Burst> {
  const recordPath = join(guest.directory, 'burst.jfr');
  rmSync(recordPath, { force: true });
  const way = { policy: 'on-demand', readahead: 'populate', recordPath } as const;
  const remove = ['remove', '0', String((GUEST_MIB * MIB) / PAGE)];
  const once = ['replay', guest.order, ...remove];
  const actions = [...Array.from({ length: TIMES }, () => once).flat(), ...tellWaits(guest)];
  const { vmm, pager } = await startSynthetic(guest, way, actions);
  const told = touchWaits(guest, vmm);
  vmm.stdin!.write('\n');
  const waits = await told;
  const { lost } = await pager!.done;
  const seconds = Number(waits.reduce((sum, nanos) => sum + nanos, 0n)) / 1e9;
  let recorded = 0;
  const recording = await openRecording(readFileSync(recordPath));
  for await (const chunk of recording.chunks()) recorded += chunk.count('rekindle.PageFault');
  return { perSecond: waits.length / seconds, touched: waits.length, recorded, lost };
}

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '10' } } });
const directory = mkdtempSync(join(tmpdir(), 'rekindle-burst-'));
try {
  const guest = makeGuest(directory, GUEST_MIB, TOUCHED_MIB);
  remember(guest.memory);
  const bursts: Burst[] = [];
  for (let round = 0; round < Number(values.rounds); round++) bursts.push(await burst(guest));
  const fastest = bursts.reduce((best, next) => (next.perSecond > best.perSecond ? next : best));
  const missing = bursts.reduce((sum, { touched, recorded }) => sum + touched - recorded, 0);
  const lost = bursts.reduce((sum, next) => sum + next.lost, 0);
  console.log(`${machine()}; ${bursts[0]!.touched} faults without a pause, recorded\n`);
  printTable(
    ['what', 'value'],
    [
      ['faults a second', show(spread(bursts.map(({ perSecond }) => perSecond)), '/s')],
      ['the fastest', `${Math.round(fastest.perSecond)} /s`],
      ['not in the recordings', String(missing)],
      ['lost, by the pager', String(lost)],
    ],
  );
} finally {
  rmSync(directory, { recursive: true, force: true });
}
