// SPDX-License-Identifier: Apache-2.0
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Machine, MachineStats, MemoryWritten, SnapshotFiles } from './engine.ts';
import { MicrovmError } from './error.ts';
import type { FirecrackerApi } from './firecracker-api.ts';
import { writeMemoryFile } from './memory-file.ts';
import { processUsage } from './vmm-hold.ts';
import { VmmMachine, type VmmParts } from './vmm-machine.ts';

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

export interface FirecrackerParts extends VmmParts {
  readonly api: FirecrackerApi;
}

/** A VM run by Firecracker, ours or another process's: its API serves anyone who may open the socket. */
export class FirecrackerMachine extends VmmMachine<FirecrackerParts> implements Machine {
  constructor(parts: FirecrackerParts) {
    const paths = firecrackerPaths(parts.directory);
    super(
      'firecracker',
      parts,
      { transport: 'vsock', socketPath: paths.agent, port: AGENT_VSOCK_PORT },
      paths.console,
    );
  }

  async pause(): Promise<void> {
    await this.phase('pause', () => this.parts.api.send('PATCH /vm', { state: 'Paused' }));
  }

  async resume(): Promise<void> {
    await this.phase('resume', () => this.parts.api.send('PATCH /vm', { state: 'Resumed' }));
  }

  async snapshot(files: SnapshotFiles): Promise<MemoryWritten> {
    const { api } = this.parts;
    const { state } = await api.send('GET /');
    if (state !== 'Paused') {
      throw new MicrovmError('VMM_REFUSED', `VM ${this.name} must be paused before a snapshot`, {
        place: this.name,
        hint: 'pause it first',
      });
    }
    // A full snapshot writes every page: the file is dense, ours has holes where the guest has zeroes.
    const dense = `${files.memory}.dense`;
    return this.phase('snapshot', async () => {
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
    const { api, identity } = this.parts;
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
    await this.parts.api.send('PATCH /balloon', {
      amount_mib: Math.max(0, Math.round((total - bytes) / MIB)),
    });
  }
}
