// SPDX-License-Identifier: Apache-2.0
// ~/.local/state/rekindle/vms/NAME/: everything a running VM needs, gone when the VM is gone.
//   vm.json       who owns it and how to reach it     control.sock  QMP for other processes
//   agent.sock    the guest's agent                   console.log   the guest's serial console
//   vmm.log       what the VMM itself prints
// Guest RAM is not here: it is a memory file (memfd), or a snapshot's.
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { AcceleratorChoice, Endpoint, GuestFiles, MachineIdentity } from './engine.ts';
import { errnoOf, explainFileError, MicrovmError } from './error.ts';

/** sun_path of a Unix socket address holds 108 bytes with its terminator (unix(7)). */
export const SOCKET_PATH_LIMIT = 107;

/** A directory without vm.json is being made right now, unless it is older than this. */
const CLAIM_GRACE_MS = 60_000;

/** What vm.json holds. */
export interface VmRecord {
  readonly name: string;
  readonly owner: ProcessIdentity;
  readonly vmmPid: number;
  readonly accelerator: AcceleratorChoice;
  readonly endpoints: readonly Endpoint[];
  readonly identity: MachineIdentity;
  readonly files: GuestFiles;
  /** File behind the guest's RAM, and whether the guest writes into it. */
  readonly ram: { readonly path: string; readonly shared: boolean };
  readonly balloon: boolean;
  /** Milliseconds since the epoch. */
  readonly started: number;
  /** The state file it was restored from. */
  readonly snapshot: string | undefined;
}

/** A process, safe against reuse of its number: start time in clock ticks since the host booted (proc(5)). */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: string;
}

export function stateRoot(env: NodeJS.ProcessEnv = process.env): string {
  const base = env.XDG_STATE_HOME || join(homedir(), '.local', 'state');
  return join(base, 'rekindle', 'vms');
}

/** The start time of a living process; undefined when there is none, or only its zombie. */
export function processStart(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // comm (field 2) may hold spaces and parentheses: count fields from the last ')'.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

export function isAlive(identity: ProcessIdentity): boolean {
  return processStart(identity.pid) === identity.startTicks;
}

export function selfIdentity(): ProcessIdentity {
  return { pid: process.pid, startTicks: processStart(process.pid) ?? '0' };
}

/** Refuses a socket path that the kernel would refuse, before anything is started. */
export function checkSocketPath(path: string): string {
  const bytes = Buffer.byteLength(path);
  if (bytes > SOCKET_PATH_LIMIT) {
    throw new MicrovmError(
      'SOCKET_PATH_TOO_LONG',
      `the socket path has ${bytes} bytes, the kernel allows ${SOCKET_PATH_LIMIT}: ${path}`,
      { place: path, hint: 'use a shorter VM name, or set XDG_STATE_HOME to a shorter directory' },
    );
  }
  return path;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Path of a VM's directory, which need not exist. */
export function vmDirectory(name: string, env: NodeJS.ProcessEnv = process.env): string {
  if (!NAME.test(name)) {
    throw new MicrovmError('BAD_SPEC', `not a VM name: ${JSON.stringify(name)}`, {
      place: 'name',
      hint: 'use at most 64 letters, digits, dots, dashes and underscores, starting with a letter or digit',
    });
  }
  return join(stateRoot(env), name);
}

/** Makes the directory of a new VM, 0700; a dead owner's leftovers are removed first. */
export function claimDirectory(name: string): string {
  const directory = vmDirectory(name);
  // The longest socket name in it, so that a path too long is refused before anything is made.
  checkSocketPath(join(directory, 'control.sock'));
  try {
    mkdirSync(stateRoot(), { recursive: true, mode: 0o700 });
    for (let attempt = 0; ; attempt++) {
      try {
        mkdirSync(directory, { mode: 0o700 });
        return directory;
      } catch (error) {
        if (errnoOf(error) !== 'EEXIST' || attempt > 0 || !sweepOne(directory)) throw error;
      }
    }
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') {
      throw new MicrovmError('VM_EXISTS', `a VM named ${name} is running already`, {
        place: directory,
        hint: `choose another name, or end it with: rekindle kill ${name}`,
        cause: error,
      });
    }
    throw explainFileError(error, 'making the state directory', directory);
  }
}

export function writeRecord(directory: string, record: VmRecord): void {
  const path = join(directory, 'vm.json');
  writeFileSync(`${path}.new`, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Reads vm.json; undefined when it is missing or not ours. */
export function readRecord(directory: string): VmRecord | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(join(directory, 'vm.json'), 'utf8'));
    const record = value as VmRecord;
    return typeof record?.name === 'string' && typeof record.owner?.pid === 'number'
      ? record
      : undefined;
  } catch {
    return undefined;
  }
}

/** Living VMs of this user; what dead owners left behind is removed on the way. */
export function listRecords(): VmRecord[] {
  let names: string[];
  try {
    names = readdirSync(stateRoot());
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
  const living: VmRecord[] = [];
  for (const name of names.sort()) {
    const directory = join(stateRoot(), name);
    if (sweepOne(directory)) continue;
    const record = readRecord(directory);
    if (record !== undefined) living.push(record);
  }
  return living;
}

/** Removes the directory when its owner is dead; tells whether it did. */
function sweepOne(directory: string): boolean {
  const record = readRecord(directory);
  if (record === undefined) {
    try {
      if (Date.now() - statSync(directory).mtimeMs < CLAIM_GRACE_MS) return false;
    } catch {
      return true;
    }
  } else if (isAlive(record.owner)) {
    return false;
  }
  rmSync(directory, { recursive: true, force: true });
  return true;
}
