// SPDX-License-Identifier: Apache-2.0
// A VM belongs to the process that started it. In the foreground that is the command itself; with --detach it
// is a copy of the command in a session of its own, which tells the first one when the VM is ready.
import { type ChildProcess, fork } from 'node:child_process';
import type { Machine, MachineExit } from '@rekindle/microvm';

const MARK = 'REKINDLE_DETACHED';

/** What the owner tells the command that started it. */
type Word =
  | { readonly ready: unknown }
  | {
      readonly error: { readonly message: string; readonly code?: string; readonly hint?: string };
    };

/** True in the copy that owns the VM. */
export function isDetachedOwner(): boolean {
  return process.env[MARK] === '1' && process.send !== undefined;
}

/**
 * Runs this command again as the owner and waits until its VM is ready.
 * @returns what the owner passed to {@link announce}
 */
export async function startDetached(argv: readonly string[]): Promise<unknown> {
  const owner = fork(
    process.argv[1] as string,
    argv.filter((word) => !/^(-d|--detach)$/.test(word)),
    {
      detached: true,
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      env: { ...process.env, [MARK]: '1' },
    },
  );
  const interrupt = (): void => {
    owner.kill('SIGTERM');
    process.exit(130);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupt);
  try {
    const word = await firstWord(owner);
    if ('error' in word) throw Object.assign(new Error(word.error.message), word.error);
    return word.ready;
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupt);
    if (owner.connected) owner.disconnect();
    owner.unref();
  }
}

function firstWord(owner: ChildProcess): Promise<Word> {
  return new Promise((resolve, reject) => {
    owner.once('message', (word) => resolve(word as Word));
    owner.once('error', reject);
    owner.once('exit', (code, signal) =>
      reject(new Error(`the process that was to own the VM ended (${signal ?? `status ${code}`})`)),
    );
  });
}

/** Called by the owner when its VM is ready; does nothing in the foreground. */
export function announce(ready: unknown): void {
  if (!isDetachedOwner()) return;
  process.send?.({ ready });
  process.disconnect();
}

/** Runs an owner's work; its failure goes to the command that waits for it. */
export async function asOwner(work: () => Promise<void>): Promise<void> {
  if (!isDetachedOwner()) return work();
  try {
    await work();
  } catch (error) {
    const { message, code, hint } = error as { message: string; code?: string; hint?: string };
    if (process.connected) {
      await new Promise((resolve) => process.send?.({ error: { message, code, hint } }, resolve));
      process.disconnect();
    }
    throw error;
  }
}

/** Waits until all VMs have ended, or somebody wants this process to; says which. */
export async function untilEnd(
  ...machines: readonly Machine[]
): Promise<readonly MachineExit[] | 'interrupted'> {
  let interrupt = (): void => {};
  const interrupted = new Promise<'interrupted'>((resolve) => {
    interrupt = () => resolve('interrupted');
  });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.once(signal, interrupt);
  try {
    return await Promise.race([Promise.all(machines.map(({ exited }) => exited)), interrupted]);
  } finally {
    for (const signal of signals) process.off(signal, interrupt);
  }
}

/** A VM that went away unasked: what is to be said about it; undefined for a guest that shut down. */
export function unexpectedEnd(end: MachineExit | 'interrupted'): string | undefined {
  if (end === 'interrupted' || end.expected || end.code === 0) return undefined;
  const last = end.log || end.console;
  return `the VM ended (${end.signal ?? `status ${end.code}`})${last === '' ? '' : `:\n${last}`}`;
}
