// SPDX-License-Identifier: Apache-2.0
// Bringing a snapshot back: pager first (it must listen), then the VMM with the state, then - once the pager
// holds the memory and has installed what its policy wants - the CPUs.
import { rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  buildPreload,
  type PagerHandle,
  type PagerPolicy,
  type PagerProcess,
  type PagerSummary,
} from '@rekindle/pager';
import type { Engine, Machine, MachineExit, PortForward } from './engine.ts';
import { requireWritable } from './error.ts';
import type { TapNetwork } from './firecracker.ts';
import type { HttpAnswer } from './http-probe.ts';
import { millisecondsSince, monotonicNow, NO_LOG, type VmLog } from './log.ts';
import type { Manifest } from './manifest.ts';
import { own } from './owned.ts';
import {
  pagerFailed,
  type StartedPager,
  startPager,
  superviseVm,
  whileServed,
} from './restore-pager.ts';
import { engineFor, type RestoreSubject, requireHost, restoreSubject } from './restore-subject.ts';
import { verifySnapshot } from './snapshot-read.ts';
import { claimDirectory } from './state-directory.ts';
import { firstAnswer, type ServiceProbe } from './vm.ts';

/** `file`: the VMM maps the memory file itself. Everything else is a policy of the pager. */
export type RestorePolicy = 'file' | PagerPolicy;

export interface RestoreOptions {
  /** Default: the snapshot directory's name. */
  readonly name?: string | undefined;
  /** Default: `prefetch` with a working set, else `on-demand`. */
  readonly policy?: RestorePolicy | undefined;
  readonly workingSet?: string | undefined;
  /** Count prefetched pages that nobody touches; not for KVM, whose marks are elsewhere. */
  readonly measureWaste?: boolean | undefined;
  /** Share memory with the other VMs of this snapshot, as far as nobody writes to it. `file` always does. */
  readonly share?: boolean | undefined;
  /** The process that is to serve it, beside others; default: one of its own. */
  readonly pagerProcess?: PagerProcess | undefined;
  /** Where the pager's recording goes; host events go to `log`. */
  readonly record?: string | undefined;
  /** Default: the guest ports of the snapshot, each on a free port. */
  readonly forwards?: readonly PortForward[] | undefined;
  /** Wait for this; default: the snapshot's own probe. `false`: do not wait. */
  readonly probe?: ServiceProbe | false | undefined;
  /** What the default probe takes for a correct answer. */
  readonly accept?: ((body: string, status: number) => boolean) | undefined;
  readonly handshakeTimeoutMs?: number | undefined;
  /** Read and compare every hash first. */
  readonly verify?: boolean | undefined;
  /** Leave the VM paused; no probe then. */
  readonly paused?: boolean | undefined;
  readonly log?: VmLog | undefined;
  /** Default: the engine that made the snapshot. */
  readonly engine?: Engine | undefined;
  /** Firecracker only: how the guest is reached. */
  readonly network?: TapNetwork | undefined;
}

/** Milliseconds, each from the end of the one before, but for `firstAnswerMs`. */
export interface RestoreTimings {
  /** Checking the snapshot. */
  readonly openMs: number;
  /** Starting the pager, which goes on while the VMM starts; 0 without one. */
  readonly pagerMs: number;
  /** Starting the VMM until the state is loaded. */
  readonly loadMs: number;
  /** Until the pager has installed what must be there before the VM runs. */
  readonly prefetchMs: number;
  /** From the request to resume to the first correct answer. */
  readonly firstAnswerMs: number | undefined;
  /** From the call to the first correct answer (or to the resumed VM). */
  readonly totalMs: number;
}

export interface RestoredVm {
  readonly machine: Machine;
  readonly policy: RestorePolicy;
  /** Undefined for Firecracker's files without one. */
  readonly manifest: Manifest | undefined;
  readonly answer: HttpAnswer | undefined;
  readonly timings: RestoreTimings;
  readonly pager: PagerHandle | undefined;
  /** Ends the VM and waits for its pager; the recording is whole afterwards. */
  close(): Promise<{ readonly exit: MachineExit; readonly pager: PagerSummary | undefined }>;
  /** Rejects, after the VM was killed, when its pager dies under it; settles when the VM ends. */
  readonly failed: Promise<never>;
}

/** Restores a snapshot. On any failure VM and pager are ended and nothing stays behind. */
export async function restoreVm(
  directory: string,
  options: RestoreOptions = {},
): Promise<RestoredVm> {
  const log = options.log ?? NO_LOG;
  if (options.record !== undefined) requireWritable(options.record);
  const start = monotonicNow();
  const { snapshot } = await verifySnapshot(directory, { hashes: options.verify });
  const subject = restoreSubject(snapshot);
  requireHost(subject, options.engine?.name);
  const policy = choosePolicy(options);
  const name = options.name ?? vmName(snapshot.directory);
  const opened = monotonicNow();

  const vmDirectory = claimDirectory(name);
  const disown = own(() => rmSync(vmDirectory, { recursive: true, force: true }));
  let pager: StartedPager | undefined;
  let machine: Machine | undefined;
  try {
    if (policy !== 'file') {
      pager = startPager(policy, options, subject, join(vmDirectory, 'pager.sock'));
    }
    // The VMM starts while the pager does: its connection waits. Only the file that clones share must be there.
    if (pager?.sharedPath !== undefined) await pager.handle.ready.catch(pagerFailed);
    const listening = monotonicNow();
    const engine = options.engine ?? (await chooseEngine(subject, options, pager !== undefined));
    machine = await whileServed(pager?.handle, (signal) =>
      engine.restore(
        {
          name,
          directory: vmDirectory,
          identity: subject.identity,
          files: subject.files,
          state: subject.state,
          memory: subject.memory,
          forwards: options.forwards ?? subject.guestPorts.map((guestPort) => ({ guestPort })),
          signal,
        },
        pager === undefined
          ? { kind: 'file' }
          : {
              kind: 'userfaultfd',
              socketPath: pager.socketPath,
              sharedPath: pager.sharedPath,
            },
      ),
    );
    const loaded = monotonicNow();
    await pager?.handle.connected.catch(pagerFailed);
    await pager?.handle.resumable.catch(pagerFailed);
    const ready = monotonicNow();
    if (options.paused !== true) await machine.resume();
    const failed = superviseVm(machine, pager?.handle);
    const probe = options.paused === true ? undefined : chooseProbe(options, subject);
    const answer =
      probe === undefined
        ? undefined
        : await Promise.race([
            firstAnswer(machine, { hedgeMs: 2000, ...probe }, log, ready),
            failed,
          ]);
    return {
      machine,
      policy,
      manifest: subject.manifest,
      answer,
      timings: {
        openMs: millisecondsSince(start, opened),
        pagerMs: pager === undefined ? 0 : millisecondsSince(opened, listening),
        loadMs: millisecondsSince(listening, loaded),
        prefetchMs: millisecondsSince(loaded, ready),
        firstAnswerMs:
          answer === undefined ? undefined : millisecondsSince(ready, answer.answeredAt),
        totalMs: millisecondsSince(start, answer?.answeredAt),
      },
      pager: pager?.handle,
      failed,
      close: () => closeVm(machine as Machine, pager?.handle, options.measureWaste === true),
    };
  } catch (error) {
    await machine?.kill();
    pager?.handle.kill();
    await pager?.handle.done.catch(() => {});
    rmSync(vmDirectory, { recursive: true, force: true });
    throw error;
  } finally {
    disown();
    pager?.disown();
  }
}

async function chooseEngine(
  subject: RestoreSubject,
  options: RestoreOptions,
  paged: boolean,
): Promise<Engine> {
  return engineFor(subject, {
    log: options.log ?? NO_LOG,
    preloadLibrary: paged && subject.identity.engine === 'qemu' ? await buildPreload() : undefined,
    network: options.network,
  });
}

/** Longer than a pager takes from one count of touched pages to the next. */
const LAST_COUNT_MILLIS = 100;

async function closeVm(
  machine: Machine,
  pager: PagerHandle | undefined,
  measured: boolean,
): Promise<{ exit: MachineExit; pager: PagerSummary | undefined }> {
  if (measured && pager !== undefined) {
    // Nothing more is touched then, and the pager counts once more.
    await machine.pause().catch(() => {});
    await sleep(LAST_COUNT_MILLIS);
  }
  const exit = await machine.kill();
  const summary = await pager?.done.catch(pagerFailed);
  return { exit, pager: summary };
}

function choosePolicy(options: RestoreOptions): RestorePolicy {
  return options.policy ?? (options.workingSet === undefined ? 'on-demand' : 'prefetch');
}

function chooseProbe(options: RestoreOptions, subject: RestoreSubject): ServiceProbe | undefined {
  if (options.probe === false) return undefined;
  if (options.probe !== undefined) return options.probe;
  return subject.probe === null
    ? undefined
    : { ...subject.probe, accept: options.accept, deadlineMs: 60_000 };
}

/** A VM name made from a directory's name. */
function vmName(directory: string): string {
  const name = basename(directory)
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '');
  return (name || 'restored').slice(0, 48);
}
