// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Machine, MachineStats, MemoryWritten, SnapshotFiles } from './engine.ts';
import { diskFull, isDiskFull, MicrovmError } from './error.ts';
import { writeMemoryFile } from './memory-file.ts';
import { outgoingUri, vmPaths } from './qemu-arguments.ts';
import type { QmpClient } from './qmp.ts';
import { processUsage } from './vmm-hold.ts';
import { VmmMachine, type VmmParts } from './vmm-machine.ts';

/** Bounds a migration to a local file; 16 GiB of state could not take this long, since RAM is not in it. */
const MIGRATION_TIMEOUT_MS = 60_000;

export interface QemuParts extends VmmParts {
  /** File behind the guest's RAM. */
  readonly ram: string;
  /** False when the RAM file is a snapshot's, mapped privately: what the guest wrote is not in it. */
  readonly ramShared: boolean;
  readonly qmp: QmpClient;
  /** Whether the guest may give memory back. */
  readonly balloon: boolean;
}

/** A VM run by QEMU, ours or (through its second monitor) another process's. */
export class QemuMachine extends VmmMachine<QemuParts> implements Machine {
  constructor(parts: QemuParts) {
    const paths = vmPaths(parts.directory);
    super('qemu', parts, { transport: 'virtio-serial', socketPath: paths.agent }, paths.console);
  }

  async pause(): Promise<void> {
    await this.phase('pause', () => this.parts.qmp.execute('stop'));
  }

  async resume(): Promise<void> {
    await this.phase('resume', () => this.parts.qmp.execute('cont'));
  }

  async snapshot(files: SnapshotFiles): Promise<MemoryWritten> {
    const { qmp } = this.parts;
    if (!this.parts.ramShared) {
      throw new MicrovmError(
        'VMM_REFUSED',
        `VM ${this.name} was itself restored from a snapshot: its changed memory is private to QEMU`,
        {
          place: this.name,
          hint: 'snapshot a booted VM; snapshots of restored VMs are not supported by the QEMU engine yet',
        },
      );
    }
    const { running } = await qmp.execute('query-status');
    if (running) {
      throw new MicrovmError('VMM_REFUSED', `VM ${this.name} must be paused before a snapshot`, {
        place: this.name,
        hint: 'pause it first',
      });
    }
    return this.phase('snapshot', async () => {
      await this.#migrate(files.state);
      return writeMemoryFile(this.parts.ram, files.memory);
    });
  }

  async stats(): Promise<MachineStats> {
    const { qmp } = this.parts;
    const [{ running }, { actual }] = await Promise.all([
      qmp.execute('query-status'),
      qmp.execute('query-balloon'),
    ]);
    return { running, memoryBytes: actual, ...processUsage(this.pid) };
  }

  async setBalloon(bytes: number): Promise<void> {
    // ram_block_discard_range (softmmu/physmem.c, 7.2) punches the RAM file also when it is mapped privately:
    // that would eat holes into the snapshot.
    if (!this.parts.balloon) {
      throw new MicrovmError(
        'VMM_REFUSED',
        'no balloon here: QEMU would give back pages of the snapshot',
        { place: this.name, hint: 'restore with a pager (--pager on-demand) instead of file' },
      );
    }
    await this.parts.qmp.execute('balloon', { value: bytes });
  }

  /** Everything but RAM goes to `path`: RAM is in its file already (x-ignore-shared, QEMU 4.0). */
  async #migrate(path: string): Promise<void> {
    const { qmp } = this.parts;
    await qmp.execute('migrate-set-capabilities', {
      capabilities: [{ capability: 'x-ignore-shared', state: true }],
    });
    await qmp.execute('migrate', { uri: outgoingUri(qmp.version, path) });
    await migrationDone(qmp, path);
    for (let waited = 0; !existsSync(path); waited++) {
      // Neither the file nor its unfinished form: the command that wrote it gave up (see outgoingUri).
      if (!existsSync(`${path}.part`) && waited > 200) {
        if (isDiskFull(dirname(path))) throw diskFull('writing the machine state', path);
        throw new MicrovmError('VMM_FAILED', 'QEMU did not write the machine state', {
          place: path,
          hint: `see ${this.directory}/vmm.log`,
        });
      }
      await sleep(1);
    }
  }
}

/** Waits until the migration on `qmp` has completed; rejects with QEMU's reason when it failed. */
export async function migrationDone(qmp: QmpClient, path: string): Promise<void> {
  const deadline = Date.now() + MIGRATION_TIMEOUT_MS;
  for (;;) {
    const info = await qmp.execute('query-migrate');
    if (info.status === 'completed') return;
    if (info.status === 'failed' || info.status === 'cancelled') {
      if (isDiskFull(dirname(path))) throw diskFull('writing the machine state', path);
      throw new MicrovmError(
        'VMM_FAILED',
        `QEMU could not move the machine state: ${info['error-desc'] ?? info.status}`,
        {
          place: path,
          hint: 'see whether the file system is full, and the VM’s vmm.log',
        },
      );
    }
    if (Date.now() > deadline) {
      throw new MicrovmError('VMM_TIMEOUT', 'the machine state took too long to move', {
        place: path,
      });
    }
    await sleep(1);
  }
}
