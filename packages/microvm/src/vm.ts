// SPDX-License-Identifier: Apache-2.0
// The life of a VM in three calls: boot, snapshot, restore. Each says how long its steps took.
import type { BootSpec, Engine, Machine } from './engine.ts';
import { MicrovmError } from './error.ts';
import { type HttpAnswer, waitForHttp } from './http-probe.ts';
import { millisecondsSince, monotonicNow, NO_LOG, type VmLog } from './log.ts';
import type { Manifest } from './manifest.ts';
import { QemuEngine } from './qemu.ts';
import { watchSilence } from './silence.ts';
import { type SnapshotOptions, writeSnapshot } from './snapshot-write.ts';

/** A service in the guest and how to tell that it works. */
export interface ServiceProbe {
  readonly guestPort: number;
  /** With its leading slash. */
  readonly path: string;
  /** Says whether an answer is the right one; left out, any status below 400 is. */
  readonly accept?: ((body: string, status: number) => boolean) | undefined;
  readonly deadlineMs?: number | undefined;
  /** See HttpProbeOptions; a guest that is up already needs no second attempt while the first one waits. */
  readonly hedgeMs?: number | undefined;
}

export interface BootOptions {
  readonly engine?: Engine | undefined;
  readonly log?: VmLog | undefined;
  /** Wait until this answers. */
  readonly probe?: ServiceProbe | undefined;
}

export interface BootedVm {
  readonly machine: Machine;
  readonly answer: HttpAnswer | undefined;
  readonly timings: {
    /** From the call to the first sign of life on the console. */
    readonly consoleMs: number;
    /** From the call to the first correct answer. */
    readonly firstAnswerMs: number | undefined;
  };
}

/** Boots a VM and, with a probe, waits for its service. On any failure nothing stays behind. */
export async function bootVm(spec: BootSpec, options: BootOptions = {}): Promise<BootedVm> {
  const log = options.log ?? NO_LOG;
  const start = monotonicNow();
  const machine = await (options.engine ?? new QemuEngine({ log })).boot(spec);
  const consoleMs = millisecondsSince(start);
  if (options.probe === undefined) {
    return { machine, answer: undefined, timings: { consoleMs, firstAnswerMs: undefined } };
  }
  const answer = await firstAnswer(machine, options.probe, log, start);
  const firstAnswerMs = millisecondsSince(start, answer.answeredAt);
  return { machine, answer, timings: { consoleMs, firstAnswerMs } };
}

/** Waits for the service of a running machine; kills the machine when it does not come. */
export async function firstAnswer(
  machine: Machine,
  probe: ServiceProbe,
  log: VmLog,
  start: bigint,
): Promise<HttpAnswer> {
  const gone = new AbortController();
  void machine.exited.then((exit) =>
    gone.abort(
      new MicrovmError(
        'VMM_GONE',
        `VM ${machine.name} ended before its service answered (${exit.signal ?? `status ${exit.code}`})`,
        { place: exit.console || exit.log, hint: 'the lines are the last it printed' },
      ),
    ),
  );
  const whatItDid = watchSilence(machine);
  try {
    const answer = await waitForHttp(serviceUrl(machine, probe), {
      deadlineMs: probe.deadlineMs ?? 120_000,
      accept: probe.accept,
      hedgeMs: probe.hedgeMs,
      signal: gone.signal,
      log,
    });
    const { accelerator } = machine.accelerator;
    log.phase(
      { name: machine.name, engine: machine.identity.engine, accelerator },
      'first-response',
      start,
    );
    return answer;
  } catch (error) {
    const silent = error instanceof MicrovmError && error.code === 'NO_RESPONSE';
    const meanwhile = silent ? await whatItDid() : '';
    const exit = await machine.kill();
    if (!silent) throw error;
    throw new MicrovmError('NO_RESPONSE', `${error.message}; ${meanwhile}`, {
      place: exit.console,
      hint: 'the lines are the last of the guest’s console',
      cause: error,
    });
  }
}

/** The address of a guest's service as seen from the host. */
export function serviceUrl(
  machine: Machine,
  probe: { readonly guestPort: number; readonly path: string },
): string {
  const endpoint = machine.endpoints.find(({ guestPort }) => guestPort === probe.guestPort);
  if (endpoint === undefined) {
    throw new MicrovmError('BAD_SPEC', `port ${probe.guestPort} of the guest is not forwarded`, {
      place: 'probe',
      hint: 'forward it when booting or restoring',
    });
  }
  return `http://${endpoint.host}:${endpoint.port}${probe.path}`;
}

export interface SnapshotVmOptions extends SnapshotOptions {
  /** What becomes of the VM afterwards; by default it goes on. */
  readonly after?: 'resume' | 'pause' | 'kill' | undefined;
}

export interface SnapshotTaken {
  readonly manifest: Manifest;
  readonly timings: {
    /** From the call to the finished directory. */
    readonly totalMs: number;
    /** How long the guest stood still; undefined when it did not go on. */
    readonly pausedMs: number | undefined;
  };
}

/** Pauses a VM, saves it into a new directory, and lets it go on. */
export async function snapshotVm(
  machine: Machine,
  directory: string,
  options: SnapshotVmOptions = {},
): Promise<SnapshotTaken> {
  const after = options.after ?? 'resume';
  const start = monotonicNow();
  await machine.pause();
  const paused = monotonicNow();
  let pausedMs: number | undefined;
  const goOn = async (): Promise<void> => {
    if (after !== 'resume') return;
    await machine.resume();
    pausedMs = millisecondsSince(paused);
  };
  try {
    const manifest = await writeSnapshot(machine, directory, options, goOn);
    const totalMs = millisecondsSince(start);
    if (after === 'kill') await machine.kill();
    return { manifest, timings: { totalMs, pausedMs } };
  } catch (error) {
    // Whatever was to become of it: a VM whose snapshot failed is the only one there is, and goes on.
    // One that died meanwhile cannot; the first error is the one to tell.
    if (pausedMs === undefined) await machine.resume().catch(() => {});
    throw error;
  }
}
