// SPDX-License-Identifier: Apache-2.0
// Reaching a VM that another process owns, through what it left in its state directory.
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Machine, MachineExit } from './engine.ts';
import { MicrovmError } from './error.ts';
import { FirecrackerApi } from './firecracker-api.ts';
import { FirecrackerMachine, firecrackerPaths } from './firecracker-machine.ts';
import { NO_LOG, type VmLog } from './log.ts';
import { vmPaths } from './qemu-arguments.ts';
import { QemuMachine } from './qemu-machine.ts';
import { QmpClient } from './qmp.ts';
import { isAlive, listRecords, processStart, vmDirectory } from './state-directory.ts';

/** How long the owner may take to clean up after its VM was ended by someone else. */
const CLEAN_UP_MS = 5000;

export interface AttachedVm {
  readonly machine: Machine;
  /** Leaves the VM as it is. Must be called: until then this process is kept from ending. */
  detach(): void;
}

/** Connects to a running VM by name; rejects with VM_NOT_FOUND. */
export async function attachVm(name: string, log: VmLog = NO_LOG): Promise<AttachedVm> {
  const directory = vmDirectory(name);
  const record = listRecords().find((candidate) => candidate.name === name);
  if (record === undefined) {
    throw new MicrovmError('VM_NOT_FOUND', `no VM named ${name} is running`, {
      place: directory,
      hint: 'see which are: rekindle ps',
    });
  }
  const vmm = { pid: record.vmmPid, startTicks: processStart(record.vmmPid) ?? '' };
  const watching = new AbortController();
  const common = {
    name,
    directory,
    pid: record.vmmPid,
    identity: record.identity,
    files: record.files,
    accelerator: record.accelerator,
    endpoints: record.endpoints,
    log,
    exited: watchProcess(directory, () => isAlive(vmm), watching.signal),
    terminate: () => {
      // The process may have ended by itself a moment ago.
      if (isAlive(vmm)) process.kill(vmm.pid, 'SIGKILL');
    },
  };
  if (record.identity.engine === 'firecracker') {
    const api = new FirecrackerApi(firecrackerPaths(directory).api, name, log);
    return { machine: new FirecrackerMachine({ ...common, api }), detach: () => watching.abort() };
  }
  let qmp: QmpClient;
  try {
    qmp = await QmpClient.connect(vmPaths(directory).control);
  } catch (error) {
    watching.abort();
    throw error;
  }
  return {
    machine: new QemuMachine({
      ...common,
      ram: record.ram.path,
      ramShared: record.ram.shared,
      balloon: record.balloon,
      qmp,
    }),
    detach: () => {
      watching.abort();
      qmp.close();
    },
  };
}

/** Resolves once the process is gone and its owner has removed the directory; never rejects. */
async function watchProcess(
  directory: string,
  alive: () => boolean,
  signal: AbortSignal,
): Promise<MachineExit> {
  while (alive() && !signal.aborted) await sleep(20);
  const deadline = Date.now() + CLEAN_UP_MS;
  while (existsSync(directory) && Date.now() < deadline && !signal.aborted) await sleep(10);
  // Where the owner is dead too, listing sweeps the directory.
  if (!signal.aborted) listRecords();
  return { code: null, signal: null, expected: true, log: '', console: '' };
}
