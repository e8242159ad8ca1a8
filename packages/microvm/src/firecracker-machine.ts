// SPDX-License-Identifier: Apache-2.0
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type {
  AcceleratorChoice,
  AgentChannel,
  Endpoint,
  GuestFiles,
  Machine,
  MachineExit,
  MachineIdentity,
  MachineStats,
  MemoryWritten,
  SnapshotFiles,
} from './engine.ts';
import { MicrovmError } from './error.ts';
import type { FirecrackerApi } from './firecracker-api.ts';
import { monotonicNow, type VmLog, type VmPhaseName } from './log.ts';
import { writeMemoryFile } from './memory-file.ts';
import { processUsage } from './vmm-hold.ts';

const MIB = 1024 * 1024;
/** Where the guest's agent listens (guest/agent). */
export const AGENT_VSOCK_PORT = 5252;

/** Paths in a VM's state directory. */
export function firecrackerPaths(directory: string): {
  api: string;
  agent: string;
  console: string;
  log: string;
} {
  return {
    api: join(directory, 'api.sock'),
    agent: join(directory, 'agent.sock'),
    console: join(directory, 'console.log'),
    log: join(directory, 'vmm.log'),
  };
}

export interface FirecrackerParts {
  readonly name: string;
  readonly directory: string;
  readonly pid: number;
  readonly identity: MachineIdentity;
  readonly files: GuestFiles;
  readonly accelerator: AcceleratorChoice;
  readonly endpoints: readonly Endpoint[];
  readonly api: FirecrackerApi;
  readonly log: VmLog;
  readonly exited: Promise<MachineExit>;
  readonly terminate: () => void;
}

/** A VM run by Firecracker, ours or another process's: its API serves anyone who may open the socket. */
export class FirecrackerMachine implements Machine {
  readonly name: string;
  readonly directory: string;
  readonly pid: number;
  readonly identity: MachineIdentity;
  readonly files: GuestFiles;
  readonly accelerator: AcceleratorChoice;
  readonly endpoints: readonly Endpoint[];
  readonly agent: AgentChannel;
  readonly consoleLog: string;
  readonly exited: Promise<MachineExit>;
  readonly #parts: FirecrackerParts;

  constructor(parts: FirecrackerParts) {
    const paths = firecrackerPaths(parts.directory);
    this.name = parts.name;
    this.directory = parts.directory;
    this.pid = parts.pid;
    this.identity = parts.identity;
    this.files = parts.files;
    this.accelerator = parts.accelerator;
    this.endpoints = parts.endpoints;
    this.agent = { transport: 'vsock', socketPath: paths.agent, port: AGENT_VSOCK_PORT };
    this.consoleLog = paths.console;
    this.exited = parts.exited;
    this.#parts = parts;
  }

  async pause(): Promise<void> {
    await this.#phase('pause', () => this.#parts.api.send('PATCH /vm', { state: 'Paused' }));
  }

  async resume(): Promise<void> {
    await this.#phase('resume', () => this.#parts.api.send('PATCH /vm', { state: 'Resumed' }));
  }

  async snapshot(files: SnapshotFiles): Promise<MemoryWritten> {
    const { api } = this.#parts;
    const { state } = await api.send('GET /');
    if (state !== 'Paused') {
      throw new MicrovmError('VMM_REFUSED', `VM ${this.name} must be paused before a snapshot`, {
        place: this.name,
        hint: 'pause it first',
      });
    }
    // A full snapshot writes every page: the file is dense, ours has holes where the guest has zeroes.
    const dense = `${files.memory}.dense`;
    return this.#phase('snapshot', async () => {
      try {
        await api.send('PUT /snapshot/create', {
          snapshot_type: 'Full',
          snapshot_path: files.state,
          mem_file_path: dense,
        });
        return await writeMemoryFile(dense, files.memory);
      } finally {
        await rm(dense, { force: true });
      }
    });
  }

  async stats(): Promise<MachineStats> {
    const { api, identity } = this.#parts;
    const [{ state }, { amount_mib: balloon }] = await Promise.all([
      api.send('GET /'),
      api.send('GET /balloon'),
    ]);
    const total = identity.regions.reduce((sum, { bytes }) => sum + bytes, 0);
    return {
      running: state === 'Running',
      memoryBytes: total - balloon * MIB,
      ...processUsage(this.pid),
    };
  }

  async setBalloon(bytes: number): Promise<void> {
    const total = this.identity.regions.reduce((sum, region) => sum + region.bytes, 0);
    await this.#parts.api.send('PATCH /balloon', {
      amount_mib: Math.max(0, Math.round((total - bytes) / MIB)),
    });
  }

  async kill(): Promise<MachineExit> {
    return this.#phase('kill', () => {
      this.#parts.terminate();
      return this.exited;
    });
  }

  async #phase<T>(phase: VmPhaseName, work: () => Promise<T>): Promise<T> {
    const start = monotonicNow();
    try {
      return await work();
    } finally {
      const vm = { name: this.name, engine: 'firecracker', accelerator: 'kvm' };
      this.#parts.log.phase(vm, phase, start);
    }
  }
}
