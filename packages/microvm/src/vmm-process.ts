// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { errnoOf, MicrovmError } from './error.ts';

export interface VmmExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** Last lines of what it printed. */
  readonly log: string;
}

/** A VMM as a child process that dies with us. */
export interface VmmProcess {
  readonly pid: number;
  /** Settles when the process is gone; never rejects. */
  readonly exited: Promise<VmmExit>;
  /** Sends SIGKILL. */
  kill(): void;
}

export interface VmmCommand {
  readonly binary: string;
  readonly arguments: readonly string[];
  readonly cwd?: string | undefined;
  /** Both output streams go here. */
  readonly logPath: string;
  /** Added to our environment for the VMM alone. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Descriptors the VMM gets as 3, 4, ...; ours stay open. */
  readonly descriptors?: readonly number[] | undefined;
  /** Ends the VMM when it is aborted. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Starts a VMM under `setpriv --pdeathsig KILL` (util-linux), so that the kernel ends it when this process
 * dies in whatever way. setpriv replaces itself by the VMM: the process id is the VMM's.
 */
export async function spawnVmm(command: VmmCommand): Promise<VmmProcess> {
  const log = openSync(command.logPath, 'a', 0o600);
  let child: ChildProcess;
  try {
    child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', command.binary, ...command.arguments], {
      stdio: ['ignore', log, log, ...(command.descriptors ?? [])],
      env: { ...process.env, ...command.env },
      cwd: command.cwd,
    });
  } finally {
    closeSync(log);
  }
  const exited = new Promise<VmmExit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal, log: tail(command.logPath) }));
    child.once('error', (error) =>
      resolve({ code: null, signal: null, log: `cannot start setpriv: ${error.message}` }),
    );
  });
  const started = await new Promise<Error | undefined>((resolve) => {
    child.once('spawn', () => resolve(undefined));
    child.once('error', resolve);
  });
  if (started !== undefined || child.pid === undefined) {
    throw new MicrovmError(
      'VMM_MISSING',
      `cannot start setpriv (${errnoOf(started) ?? 'failed'})`,
      {
        place: 'setpriv',
        hint: 'install util-linux: apt-get install util-linux',
        cause: started,
      },
    );
  }
  const kill = (): void => void child.kill('SIGKILL');
  if (command.signal?.aborted) kill();
  else command.signal?.addEventListener('abort', kill, { once: true });
  return { pid: child.pid, exited, kill };
}

/** The last `lines` lines of a log, without blank ones; empty when there is no log. */
export function tail(path: string, lines = 8): string {
  try {
    const text = readFileSync(path, 'utf8');
    return text
      .slice(-16_384)
      .split('\n')
      .map((line) => line.trimEnd())
      .filter((line) => line !== '')
      .slice(-lines)
      .join('\n');
  } catch {
    return '';
  }
}
