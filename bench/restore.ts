// SPDX-License-Identifier: Apache-2.0
// Bench: from resume to the first correct answer, by restore policy, page cache warm and dropped
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import {
  listRecords,
  type Manifest,
  NO_LOG,
  type RestoreOptions,
  restoreVm,
  type VmLog,
} from '../packages/microvm/src/index.ts';
import {
  answeringGuest,
  type GuestOptions,
  SERVICES,
  serviceNamed,
  type VmSnapshot,
} from './answering-guest.ts';
import {
  type Comparison,
  machine,
  printComparisons,
  printTable,
  show,
  spread,
} from './statistics.ts';

export interface RestoreBenchOptions extends Partial<GuestOptions> {
  /** Interleaved rounds; each restores once by every policy, warm and cold. */
  readonly rounds: number;
  /** Where the guest is kept, for another run; made if it is not there. */
  readonly keep?: string | undefined;
}

const POLICIES = ['file', 'on-demand', 'prefetch', 'hybrid', 'concurrent'] as const;
type Policy = (typeof POLICIES)[number];
const CACHES = ['warm', 'cold'] as const;
type Cache = (typeof CACHES)[number];

interface Sample {
  /** From the request to resume to the last byte of the first correct answer, ms. */
  readonly answerMs: number;
  /** From the call of restore to the same, ms: everything counts. */
  readonly totalMs: number;
  /** Processor time of the VMM from resume to that answer, all threads, ms: what no pager can save. */
  readonly cpuMs: number;
  readonly faults: number;
  readonly stalledMs: number;
}

const SPANS = {
  answerMs: 'resume to answer',
  totalMs: 'restore to answer',
  stalledMs: 'stalled by then',
} as const;

export async function run(options: RestoreBenchOptions): Promise<void> {
  const scratch = options.keep ?? mkdtempSync(join(tmpdir(), 'rekindle-bench-'));
  mkdirSync(scratch, { recursive: true });
  try {
    const guest = await answeringGuest(scratch, options);
    const { snapshot, manifest, workingSet } = guest;
    if (options.rounds === 0) return;
    const samples = new Map<string, Sample[]>();
    for (let round = 0; round < options.rounds; round++) {
      for (const cache of CACHES) {
        for (const policy of rotated(POLICIES, round)) {
          prepareCache(manifest, snapshot, cache);
          const needsSet = policy !== 'file' && policy !== 'on-demand';
          const sample = await measure(guest, {
            policy,
            ...(needsSet ? { workingSet } : {}),
          });
          const key = `${policy} ${cache}`;
          samples.set(key, [...(samples.get(key) ?? []), sample]);
        }
      }
    }
    report(samples, guest);
  } finally {
    if (options.keep === undefined) rmSync(scratch, { recursive: true, force: true });
  }
}

async function measure(guest: VmSnapshot, options: RestoreOptions): Promise<Sample> {
  let [before, after] = [0, 0];
  const log: VmLog = {
    ...NO_LOG,
    phase: ({ name }, phase) => {
      if (phase === 'resume') before = cpuMillis(name);
      if (phase === 'first-response') after = cpuMillis(name);
    },
  };
  const { probe } = SERVICES[guest.service];
  const vm = await restoreVm(guest.snapshot, { ...options, probe, log });
  const { firstAnswerMs, totalMs } = vm.timings;
  // Faults of the VMM while it loads the state are none of the guest's.
  const { stalled: loading } = (await vm.pager?.resumable) ?? { stalled: 0 };
  const { pager } = await vm.close();
  if (firstAnswerMs === undefined) throw new Error('the service did not answer');
  return {
    answerMs: firstAnswerMs,
    totalMs,
    cpuMs: after - before,
    faults: pager?.faults ?? Number.NaN,
    stalledMs: pager === undefined ? Number.NaN : (pager.stalled - loading) / 1e6,
  };
}

/** Of all threads, from the scheduler's own count in nanoseconds. */
function cpuMillis(name: string): number {
  const tasks = `/proc/${listRecords().find((record) => record.name === name)?.vmmPid}/task`;
  return readdirSync(tasks).reduce((sum, task) => {
    const [nanos] = readFileSync(join(tasks, task, 'schedstat'), 'utf8').split(' ');
    return sum + Number(nanos) / 1e6;
  }, 0);
}

/** Brings the snapshot's files into the page cache, or throws them out of it, and makes sure of it. */
function prepareCache(manifest: Manifest, snapshot: string, cache: Cache): void {
  const memory = join(snapshot, manifest.files.memory.path);
  const files = [memory, join(snapshot, manifest.files.state.path)];
  for (const file of files) {
    if (cache === 'warm') execFileSync('cat', [file], { stdio: ['ignore', 'ignore', 'inherit'] });
    // dd with nocache and nothing to copy is posix_fadvise(DONTNEED) over the whole file.
    else execFileSync('dd', [`if=${file}`, 'iflag=nocache', 'count=0', 'status=none']);
  }
  const resident = Number(
    execFileSync('fincore', ['--bytes', '--noheadings', '--output', 'RES', memory], {
      encoding: 'utf8',
    }),
  );
  const share = resident / manifest.files.memory.dataBytes;
  if (cache === 'cold' ? share > 0.01 : share < 0.95) {
    throw new Error(
      `the page cache is not ${cache}: ${(share * 100).toFixed(1)} % of the data is in it`,
    );
  }
}

/** The order changes every round, so that nobody always runs first. */
function rotated<T>(list: readonly T[], by: number): T[] {
  const at = by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}

function report(samples: Map<string, Sample[]>, { service, pages, manifest }: VmSnapshot): void {
  const of = (policy: Policy, cache: Cache, field: keyof Sample) =>
    spread((samples.get(`${policy} ${cache}`) ?? []).map((sample) => sample[field]));
  const { memory } = manifest.files;
  console.log(
    `\n${machine()}; ${SERVICES[service].title}, guest under ${manifest.machine.accelerator}, ${memory.bytes >> 20} MiB, ` +
      `${memory.dataBytes >> 20} MiB of it data, working set ${pages} pages\n`,
  );
  console.log(
    'cold: the files of the snapshot thrown out of the page cache (posix_fadvise), checked with fincore\n',
  );
  printTable(
    [
      'page cache',
      'policy',
      'resume to answer',
      'restore to answer',
      'CPU of the VMM',
      'faults',
      'stalled',
    ],
    CACHES.flatMap((cache) =>
      POLICIES.map((policy) => [
        cache,
        policy,
        show(of(policy, cache, 'answerMs'), 'ms'),
        show(of(policy, cache, 'totalMs'), 'ms'),
        show(of(policy, cache, 'cpuMs'), 'ms'),
        policy === 'file' ? '-' : of(policy, cache, 'faults').median.toFixed(0),
        policy === 'file' ? '-' : `${of(policy, cache, 'stalledMs').median.toFixed(1)} ms`,
      ]),
    ),
  );
  const against = (
    peer: Policy,
    cache: Cache,
    field: keyof typeof SPANS,
    atMost?: number,
  ): Comparison => ({
    what: `prefetch, ${SPANS[field]}, ${cache}`,
    ours: of('prefetch', cache, field),
    peer: of(peer, cache, field),
    peerName: peer,
    unit: 'ms',
    ...(atMost === undefined ? {} : { atMost }),
  });
  console.log();
  printComparisons([
    against('on-demand', 'cold', 'answerMs', 0.4),
    against('on-demand', 'warm', 'answerMs'),
    against('file', 'cold', 'answerMs', 0.6),
    against('file', 'warm', 'answerMs', 1.1),
    against('on-demand', 'cold', 'stalledMs', 0.05),
    against('on-demand', 'warm', 'stalledMs', 0.05),
    against('on-demand', 'cold', 'totalMs'),
    against('file', 'cold', 'totalMs'),
    against('file', 'warm', 'totalMs'),
  ]);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '10' },
      service: { type: 'string', default: 'orders' },
      memory: { type: 'string' },
      'warm-up': { type: 'string' },
      recordings: { type: 'string', default: '3' },
      keep: { type: 'string' },
    },
  });
  await run({
    rounds: Number(values.rounds),
    service: serviceNamed(values.service),
    keep: values.keep,
    recordings: Number(values.recordings),
    ...(values.memory === undefined ? {} : { memoryMiB: Number(values.memory) }),
    ...(values['warm-up'] === undefined ? {} : { warmUp: Number(values['warm-up']) }),
  });
}
