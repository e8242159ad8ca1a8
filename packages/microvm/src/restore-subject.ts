// SPDX-License-Identifier: Apache-2.0
// What a snapshot directory asks for, whoever made it, and whether this host can give it.
import { firecrackerLayout } from '@rekindle/pager';
import type { Engine, EngineName, GuestFiles, MachineIdentity } from './engine.ts';
import { MicrovmError } from './error.ts';
import { FirecrackerEngine, type TapNetwork } from './firecracker.ts';
import { hostCpu } from './host-cpu.ts';
import type { VmLog } from './log.ts';
import type { Manifest } from './manifest.ts';
import { PAGE_SIZE } from './memory-file.ts';
import { QemuEngine } from './qemu.ts';
import { cpuModel, qemuDevices } from './qemu-arguments.ts';
import type { SnapshotOnDisk } from './snapshot-read.ts';

export interface RestoreSubject {
  readonly directory: string;
  readonly state: string;
  readonly memory: string;
  readonly identity: MachineIdentity;
  readonly files: GuestFiles;
  readonly guestPorts: readonly number[];
  readonly probe: Manifest['probe'];
  /** Empty where nobody has written it down. */
  readonly memoryHash: string;
  readonly manifest: Manifest | undefined;
}

/** Reads what to restore from a manifest; of Firecracker's two files alone, from their sizes. */
export function restoreSubject(snapshot: SnapshotOnDisk): RestoreSubject {
  const { directory, state, memory } = snapshot;
  if (snapshot.kind === 'bare') {
    return {
      directory,
      state,
      memory,
      identity: {
        engine: 'firecracker',
        engineVersion: 'unknown',
        accelerator: 'kvm',
        machineType: 'firecracker',
        cpuModel: 'unknown',
        hostCpu: undefined,
        vcpus: 1,
        devices: [],
        regions: firecrackerLayout(snapshot.memoryBytes),
        pageSize: PAGE_SIZE,
      },
      files: { kernel: { path: '' }, initramfs: undefined, image: undefined, commandLine: '' },
      guestPorts: [],
      probe: null,
      memoryHash: '',
      manifest: undefined,
    };
  }
  const { machine, guest, files, guestPorts, probe } = snapshot.manifest;
  return {
    directory,
    state,
    memory,
    identity: machine,
    files: {
      kernel: guest.kernel,
      initramfs: guest.initramfs ?? undefined,
      image: guest.image ?? undefined,
      commandLine: guest.commandLine,
    },
    guestPorts,
    probe,
    memoryHash: files.memory.sha256,
    manifest: snapshot.manifest,
  };
}

export interface EngineNeeds {
  readonly log: VmLog;
  readonly preloadLibrary: string | undefined;
  readonly network: TapNetwork | undefined;
}

/** The engine that made the snapshot; refused with SNAPSHOT_FOREIGN where it cannot run. */
export async function engineFor(
  { identity, state }: RestoreSubject,
  needs: EngineNeeds,
): Promise<Engine> {
  if (identity.engine === 'qemu') {
    if (needs.network !== undefined) {
      throw new MicrovmError('BAD_SPEC', 'a snapshot of QEMU takes no tap device', {
        place: state,
        hint: 'leave the tap device away: ports are published on 127.0.0.1',
      });
    }
    return new QemuEngine(needs);
  }
  const engine = new FirecrackerEngine(needs);
  const probe = await engine.probe();
  if (!probe.available) {
    throw new MicrovmError(
      'SNAPSHOT_FOREIGN',
      `the snapshot was made by Firecracker, which cannot run here: ${probe.problem}`,
      { place: state, hint: 'restore it where it was made, or make a snapshot with this engine' },
    );
  }
  return engine;
}

/** What this host and this rekindle must have in common with those that made the snapshot. */
export function requireHost({ identity, files }: RestoreSubject, engine?: EngineName): void {
  if (engine !== undefined && identity.engine !== engine) {
    throw foreign('engine', identity.engine, engine);
  }
  if (identity.accelerator === 'kvm' && identity.hostCpu !== undefined) {
    const here = hostCpu();
    if (identity.hostCpu !== here) throw foreign('CPU', identity.hostCpu, here);
  }
  if (identity.engine !== 'qemu') return;
  const model = cpuModel(identity.accelerator);
  if (identity.cpuModel !== model) throw foreign('CPU model', identity.cpuModel, model);
  const devices = qemuDevices(files.image !== undefined).join(' ');
  if (identity.devices.join(' ') !== devices) {
    throw foreign('set of devices', identity.devices.join(' '), devices);
  }
}

function foreign(what: string, saved: string, here: string): MicrovmError {
  return new MicrovmError(
    'SNAPSHOT_FOREIGN',
    `the snapshot was made with another ${what}: ${saved}, here: ${here}`,
    { place: what, hint: 'restore it where it was made, or make the snapshot again here' },
  );
}
