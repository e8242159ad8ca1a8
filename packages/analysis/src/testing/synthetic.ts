// SPDX-License-Identifier: Apache-2.0
// A made-up restore of a made-up Java service, the same for the same seed: what tests and the viewer
// look at where no virtual machine can run. The shape follows published figures (a Petclinic of about
// 300 MB resident of which some 40 MB fault before the first answer); no number in it is measured.

import { RamLayout } from '../ram.ts';
import { COPY, makeRun, type Run, ZERO } from '../run.ts';
import { column, table } from '../table.ts';
import { syntheticGuest } from './synthetic-guest.ts';

const GIB = 1024 ** 3;
const MS = 1e6;

export interface SyntheticOptions {
  readonly seed?: number;
  /** Bytes of guest RAM; above 3 GiB it continues at 4 GiB. */
  readonly ram?: number;
  /** Prefetch this share (0 to 1) of what would fault. */
  readonly prefetch?: number;
}

/** mulberry32, public domain: enough randomness for a picture. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A restore with a clock: load, resume, faults in bursts, probes, the first answer, a quiet tail. */
export function syntheticRun(name: string, options: SyntheticOptions = {}): Run {
  const next = random(options.seed ?? 17);
  const bytes = options.ram ?? GIB;
  const low = Math.min(bytes, 3 * GIB);
  const ram = new RamLayout([
    { guestPhysical: 0, bytes: low },
    ...(bytes > low ? [{ guestPhysical: 4 * GIB, bytes: bytes - low }] : []),
  ]);
  const { memory, touched, fresh } = syntheticGuest(ram, next);
  const resume = 21 * MS;
  const prefetched = new Set<number>();
  const share = options.prefetch ?? 0;
  for (const slot of touched) if (next() < share) prefetched.add(slot);
  const faulted = touched.filter((slot) => !prefetched.has(slot));

  const n = faulted.length;
  const ticks = new Float64Array(n);
  const guestPhysical = new Float64Array(n);
  const action = new Uint8Array(n);
  const write = new Uint8Array(n);
  const duration = new Float64Array(n);
  const vcpuThread = new Int32Array(n);
  let now = resume + 0.4 * MS;
  let burst = 0;
  for (let i = 0; i < n; i++) {
    if (burst-- <= 0) {
      burst = 20 + next() * 400;
      now += next() * 3.5 * MS;
    }
    ticks[i] = Math.round(now);
    guestPhysical[i] = ram.addressOf(faulted[i]!);
    action[i] = fresh.has(faulted[i]!) ? ZERO : COPY;
    write[i] = next() < 0.34 ? 1 : 0;
    duration[i] = Math.round(9000 + -Math.log(1 - next()) * (next() < 0.02 ? 180_000 : 6000));
    vcpuThread[i] = next() < 0.7 ? 4101 : 4102;
    now += duration[i]! + next() * 9000;
  }
  const first = Math.round(now - 2 * MS);
  const runs: { slot: number; pages: number }[] = [];
  for (const slot of [...prefetched].sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last && last.slot + last.pages === slot && last.pages < 64) last.pages++;
    else runs.push({ slot, pages: 1 });
  }
  let at = 9 * MS;
  const prefetchTicks = runs.map((run) => {
    const start = at;
    at += 3000 + run.pages * 900;
    return start;
  });
  const phase = [
    { ticks: 0, duration: resume - 2 * MS, phase: 'load' },
    { ticks: resume - 2 * MS, duration: 2 * MS, phase: 'resume' },
    { ticks: resume, duration: first - resume, phase: 'first-response' },
  ];
  const probes = Array.from({ length: 6 }, (_, i) =>
    Math.round(resume + ((first - resume) * i) / 6),
  );
  const float = (values: number[]) => Float64Array.from(values);
  return makeRun({
    name,
    ram,
    memory,
    faults: table('Page Faults', {
      ticks: column('Start', 'ns', ticks),
      guestPhysical: column('Guest Physical Address', 'address', guestPhysical),
      action: column('Action', 'count', action),
      write: column('Write', 'flag', write),
      region: column('Region', 'count', new Int32Array(n)),
      duration: column('Duration', 'ns', duration),
      vcpuThread: column('vCPU Thread', 'count', vcpuThread),
    }),
    prefetches: table('Prefetches', {
      ticks: column('Start', 'ns', float(prefetchTicks)),
      guestPhysical: column(
        'Guest Physical Address',
        'address',
        float(runs.map((run) => ram.addressOf(run.slot))),
      ),
      pages: column('Pages', 'pages', Uint32Array.from(runs.map((run) => run.pages))),
      action: column('Action', 'count', new Uint8Array(runs.length)),
      duration: column('Duration', 'ns', float(runs.map((run) => 2500 + run.pages * 850))),
    }),
    phases: table('VM Phases', {
      ticks: column('Start', 'ns', float(phase.map((p) => p.ticks))),
      duration: column('Duration', 'ns', float(phase.map((p) => p.duration))),
      phase: column(
        'Phase',
        'text',
        phase.map((p) => p.phase),
      ),
      vm: column(
        'Virtual Machine',
        'text',
        phase.map(() => 'demo'),
      ),
      engine: column(
        'Engine',
        'text',
        phase.map(() => 'qemu'),
      ),
      accelerator: column(
        'Accelerator',
        'text',
        phase.map(() => 'tcg'),
      ),
    }),
    probes: table('HTTP Probes', {
      ticks: column('Start', 'ns', float(probes)),
      duration: column(
        'Duration',
        'ns',
        float(probes.map((start, i) => (i === 5 ? first - start : 4 * MS))),
      ),
      status: column(
        'Status',
        'count',
        Int32Array.from(probes, (_, i) => (i === 5 ? 200 : 0)),
      ),
      attempt: column(
        'Attempt',
        'count',
        Int32Array.from(probes, (_, i) => i + 1),
      ),
      url: column(
        'URL',
        'text',
        probes.map(() => 'http://172.16.0.2:8080/'),
      ),
    }),
  });
}
