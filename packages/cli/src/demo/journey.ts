// SPDX-License-Identifier: Apache-2.0
// The main job: build, boot, capture, snapshot, kill, restore on demand, restore with the working set
// of the first restore, each time with a correct answer and a recording.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GuestMemory } from '@rekindle/memory';
import {
  type AcceleratorChoice,
  type BuildProgress,
  bootVm,
  chooseAccelerator,
  ensureImage,
  ensureInitramfs,
  ensureKernel,
  type Machine,
  QemuEngine,
  type RestoreTimings,
  recordingVmLog,
  restoreVm,
  type ServiceProbe,
  type SnapshotTaken,
  snapshotVm,
} from '@rekindle/microvm';
import { buildPreload, type PagerPolicy, type PagerSummary } from '@rekindle/pager';
import { clockPair } from '@rekindle/recorder';
import { captureGuest } from '../guest-capture.ts';
import { writeCaptureFile } from '../memory/capture-file.ts';
import { formatBytes, type Progress } from '../output.ts';
import { writeRun } from '../run-file.ts';
import { learnWorkingSet } from '../working-set-file.ts';
import { isCorrectAnswer } from './answer.ts';

export interface JourneyOptions {
  /** Where the snapshot and the recordings go. */
  readonly directory: string;
  readonly memoryBytes: number;
  readonly vcpus: number;
  /** Requests the service answers before it is snapshotted. */
  readonly warmUp: number;
}

export interface RestoreResult {
  readonly policy: PagerPolicy;
  readonly recording: string;
  readonly timings: RestoreTimings;
  readonly pager: PagerSummary;
}

export interface JourneyResult {
  readonly engine: string;
  readonly accelerator: string;
  readonly reason: string;
  readonly java: string;
  readonly kernel: string;
  readonly coldStartMs: number;
  readonly snapshot: SnapshotTaken;
  readonly memory: GuestMemory;
  readonly onDemand: RestoreResult;
  readonly prefetched: RestoreResult;
}

const PORT = 8080;
const PROBE: ServiceProbe = { guestPort: PORT, path: '/', accept: isCorrectAnswer };

export async function journey(options: JourneyOptions, progress: Progress): Promise<JourneyResult> {
  mkdirSync(options.directory, { recursive: true });
  const onProgress = ({ message, fraction }: BuildProgress): void =>
    progress.detail(fraction === undefined ? message : `${Math.round(fraction * 100)}% ${message}`);
  const kernel = await step(
    progress,
    'guest kernel',
    () => ensureKernel({ onProgress }),
    (built) => origin(built, built.release),
  );
  const initramfs = await step(
    progress,
    'initramfs',
    () => ensureInitramfs({ kernel, onProgress }),
    (built) => origin(built, ''),
  );
  const image = await step(
    progress,
    'root image',
    () => ensureImage({ onProgress }),
    (built) => origin(built, `${built.distribution}, ${built.java}`),
  );
  await step(progress, 'preload library', buildPreload, () => '');

  // Asked before the clock of the cold start runs: the first answer on a host boots a tiny guest.
  await step(
    progress,
    'engine and accelerator',
    () => chooseEngine(kernel.path),
    ({ accelerator, cached }) => `qemu ${accelerator}${cached ? ' (probed before)' : ''}`,
  );
  const booted = await step(
    progress,
    'boot to first answer',
    () =>
      bootVm(
        {
          name: `demo-${process.pid}`,
          kernel: { path: kernel.path, sha256: kernel.hash },
          initramfs: { path: initramfs.path, sha256: initramfs.hash },
          image: { path: image.path, sha256: image.hash },
          memoryBytes: options.memoryBytes,
          vcpus: options.vcpus,
          forwards: [{ guestPort: PORT }],
        },
        { probe: PROBE },
      ),
    ({ machine }) => `${machine.identity.engine} ${machine.accelerator.accelerator}`,
  );
  const { machine } = booted;
  try {
    await step(
      progress,
      'warm up',
      () => warmUp(machine, options.warmUp),
      () => `${options.warmUp} requests`,
    );
    const { memory } = await step(
      progress,
      'capture owners',
      () => captureOwners(machine),
      (capture) => `${capture.memory.processes.length} processes`,
    );
    const directory = join(options.directory, 'snapshot');
    const snapshot = await step(
      progress,
      'snapshot',
      () => {
        const owners = join(options.directory, 'owners.jfr');
        writeCaptureFile(owners, memory);
        return snapshotVm(machine, directory, {
          after: 'kill',
          overwrite: true,
          owners,
          probe: PROBE,
        });
      },
      ({ manifest }) =>
        `${formatBytes(manifest.files.memory.dataBytes)} of ${formatBytes(manifest.files.memory.bytes)}`,
    );
    const onDemand = await step(
      progress,
      'restore on demand',
      () => restore(directory, 'on-demand', memory, join(options.directory, 'run-ondemand.jfr')),
      describeRestore,
    );
    await step(
      progress,
      'working set',
      () => learnWorkingSet(directory, snapshot.manifest, [onDemand.recording]),
      (pages) => `${pages} pages`,
    );
    const prefetched = await step(
      progress,
      'restore prefetched',
      () =>
        restore(
          directory,
          'prefetch',
          memory,
          join(options.directory, 'run-prefetch.jfr'),
          join(directory, 'working-set'),
        ),
      describeRestore,
    );
    return {
      engine: `${machine.identity.engine} ${machine.identity.engineVersion}`,
      accelerator: machine.accelerator.accelerator,
      reason: machine.accelerator.reason,
      java: image.java,
      kernel: kernel.release,
      coldStartMs: booted.timings.firstAnswerMs ?? Number.NaN,
      snapshot,
      memory,
      onDemand,
      prefetched,
    };
  } finally {
    await machine.kill();
  }
}

async function chooseEngine(kernel: string): Promise<AcceleratorChoice> {
  const { binary, version, problem } = await new QemuEngine().probe();
  if (!binary || !version) throw new Error(problem ?? 'QEMU is missing');
  return chooseAccelerator({ binary, version, kernel });
}

/** Runs one step of the journey with its time and result on a line of their own. */
async function step<T>(
  progress: Progress,
  label: string,
  work: () => Promise<T> | T,
  describe: (result: T) => string,
): Promise<T> {
  progress.start(label);
  try {
    const result = await work();
    progress.done(describe(result));
    return result;
  } catch (error) {
    progress.stop();
    throw error;
  }
}

function origin({ reused }: { readonly reused: boolean }, what: string): string {
  return [what, reused ? '(reused)' : '(built)'].filter((part) => part !== '').join(' ');
}

function describeRestore({ timings, pager }: RestoreResult): string {
  return `answered ${timings.firstAnswerMs?.toFixed(0)} ms after resume, ${pager.faults} faults`;
}

/** Asks the service again and again, so that what is snapshotted is warm. */
async function warmUp(machine: Machine, requests: number): Promise<void> {
  const endpoint = machine.endpoints.find(({ guestPort }) => guestPort === PORT);
  if (!endpoint) throw new Error(`port ${PORT} of the guest is not reachable`);
  for (let request = 0; request < requests; request++) {
    const response = await fetch(`http://${endpoint.host}:${endpoint.port}/`);
    const body = await response.text();
    if (!isCorrectAnswer(body, response.status)) {
      throw new Error(`wrong answer to request ${request} of the warm-up: ${body.slice(0, 200)}`);
    }
  }
}

async function captureOwners(machine: Machine): Promise<{ readonly memory: GuestMemory }> {
  if (!machine.agent) throw new Error('this engine gives no channel to the guest agent');
  return captureGuest(machine.agent);
}

/** One restore with everything recorded: host, pager, and who owned the pages. */
async function restore(
  snapshot: string,
  policy: PagerPolicy,
  memory: GuestMemory,
  recording: string,
  workingSet?: string,
): Promise<RestoreResult> {
  const scratch = mkdtempSync(join(tmpdir(), 'rekindle-demo-'));
  const pagerFile = join(scratch, 'pager.jfr');
  const hostFile = join(scratch, 'host.jfr');
  try {
    const start = clockPair();
    const log = recordingVmLog(hostFile);
    const vm = await restoreVm(snapshot, {
      name: `demo-${policy}-${process.pid}`,
      policy,
      workingSet,
      record: pagerFile,
      accept: isCorrectAnswer,
      log,
    });
    const { pager } = await vm.close();
    log.close();
    if (!pager) throw new Error('the pager left no summary');
    await writeRun(recording, {
      recordings: [hostFile, pagerFile],
      memory,
      start,
    });
    return { policy, recording, timings: vm.timings, pager };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
