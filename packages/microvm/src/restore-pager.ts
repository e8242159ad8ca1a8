// SPDX-License-Identifier: Apache-2.0
// The pager of a restored VM: started before the VMM, its death the VM's end, its reason the one that is told.
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type PagerHandle,
  type PagerOptions,
  type PagerPolicy,
  type PagerProcess,
  sharedPathFor,
  spawnPager,
} from '@rekindle/pager';
import type { Machine } from './engine.ts';
import { MicrovmError } from './error.ts';
import { own } from './owned.ts';
import type { RestoreOptions } from './restore.ts';
import type { RestoreSubject } from './restore-subject.ts';

export interface StartedPager {
  readonly handle: PagerHandle;
  readonly socketPath: string;
  readonly sharedPath: string | undefined;
  readonly disown: () => void;
}

/** Starts it, and has it ended should this process end before its VMM has come. */
export function startPager(
  policy: PagerPolicy,
  options: RestoreOptions,
  subject: RestoreSubject,
  socketPath: string,
): StartedPager {
  const memory = { memoryPath: subject.memory, snapshotHash: subject.memoryHash };
  const sharedPath = options.share === true ? sharedPathFor(memory) : undefined;
  const handle = spawn(options.pagerProcess, {
    ...memory,
    socketPath,
    policy,
    regions: subject.identity.regions,
    ...(sharedPath === undefined ? {} : { sharedPath }),
    ...(options.measureWaste === true && subject.identity.accelerator !== 'kvm'
      ? { measureWaste: true }
      : {}),
    handshakeTimeoutMs: options.handshakeTimeoutMs ?? 15_000,
    ...(options.record === undefined ? {} : { recordPath: options.record }),
    ...(options.workingSet === undefined ? {} : { workingSetPath: options.workingSet }),
  });
  // Once connected, the pager ends with its VM; until then it would wait out its timeout.
  return { handle, socketPath, sharedPath, disown: own(() => handle.kill()) };
}

function spawn(process: PagerProcess | undefined, options: PagerOptions): PagerHandle {
  try {
    return process === undefined ? spawnPager(options) : process.serve(options);
  } catch (error) {
    return pagerFailed(error);
  }
}

/** So long a failed VMM waits for its pager's word. */
const REASON_MILLIS = 200;

/** The engine's work, unless the pager fails first: then that is called off, and its reason the one to tell. */
export async function whileServed(
  pager: PagerHandle | undefined,
  begin: (signal: AbortSignal) => Promise<Machine>,
): Promise<Machine> {
  const callOff = new AbortController();
  const work = begin(callOff.signal);
  if (pager === undefined) return work;
  const failure = pager.done.then(
    () => undefined,
    (error: Error) => error,
  );
  try {
    const machine = await Promise.race([
      work,
      failure.then((error) => (error === undefined ? work : pagerFailed(error))),
    ]);
    return machine;
  } catch (error) {
    // A VMM that found its pager gone says so sooner than the pager says why.
    const reason = await Promise.race([failure, sleep(REASON_MILLIS)]);
    // The VMM may still be starting, for a pager that does not come any more: it must not be left alone.
    callOff.abort();
    await work.then((machine) => machine.kill()).catch(() => {});
    const code = (reason as { code?: string } | undefined)?.code ?? '';
    // That the VMM did not speak is no reason, but what follows from one.
    if (reason instanceof Error && !code.startsWith('HANDSHAKE_C')) pagerFailed(reason);
    throw error;
  }
}

/** Rejects, after the VM was killed, when its pager dies under it. */
export function superviseVm(machine: Machine, pager: PagerHandle | undefined): Promise<never> {
  const failed = new Promise<never>((_resolve, reject) => {
    pager?.done.catch(async (error: unknown) => {
      await machine.kill();
      reject(asPagerError(error));
    });
  });
  failed.catch(() => {});
  return failed;
}

/** @throws MicrovmError what the pager's error means for whoever restores */
export function pagerFailed(error: unknown): never {
  throw asPagerError(error);
}

function asPagerError(error: unknown): MicrovmError {
  const { code, message, hint } = error as { code?: string; message: string; hint?: string };
  if (code === 'HANDSHAKE_TIMEOUT') {
    return new MicrovmError(
      'NO_HANDSHAKE',
      'QEMU started, but did not hand its memory to the pager',
      {
        hint: 'the preload library was not loaded: QEMU is linked statically or set-uid, or AppArmor forbids it; use --pager file',
        cause: error,
      },
    );
  }
  return new MicrovmError(code === 'OPTIONS' ? 'BAD_SPEC' : 'PAGER_FAILED', message, {
    place: code,
    hint: hint ?? 'restore with --pager file to go without a pager',
    cause: error,
  });
}
