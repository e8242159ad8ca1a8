// SPDX-License-Identifier: Apache-2.0
// Snapshots that must not be restored, each refused before any guest runs. So none has to run to make them: what a VM
// would have saved is drawn here, and the last judge of it is the real QEMU.
import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  ensureKernel,
  hashFile,
  type Machine,
  QemuEngine,
  restoreVm,
  writeSnapshot,
} from '@rekindle/microvm';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { PAGE_SIZE, q35Regions } from '../packages/microvm/src/memory-file.ts';
import { cpuModel, qemuDevices } from '../packages/microvm/src/qemu-arguments.ts';
import { failureOf } from './testing/failure.ts';
import { isolatedState, leftBehind, NOTHING } from './testing/vms.ts';

const MEMORY_BYTES = 64 << 20;

const state = isolatedState();
const snapshot = join(state.directory, 'drawn.snapshot');
const copy = join(state.directory, 'copy');

beforeAll(async () => {
  await writeSnapshot(await drawnMachine(), snapshot);
});

afterEach(() => {
  rmSync(copy, { recursive: true, force: true });
  expect(leftBehind(state.directory)).toEqual(NOTHING);
});

afterAll(() => state.remove());

/** A paused machine of this host, as far as a snapshot asks it: its memory is empty, its state is none. */
async function drawnMachine(): Promise<Machine> {
  const { version } = await new QemuEngine().probe();
  const kernel = await ensureKernel();
  return {
    name: 'drawn',
    identity: {
      engine: 'qemu',
      engineVersion: version,
      accelerator: 'tcg',
      machineType: 'q35',
      cpuModel: cpuModel('tcg'),
      hostCpu: undefined,
      vcpus: 1,
      devices: qemuDevices(false),
      regions: q35Regions(MEMORY_BYTES),
      pageSize: PAGE_SIZE,
    },
    files: {
      kernel: { path: kernel.path, sha256: kernel.hash },
      initramfs: undefined,
      image: undefined,
      commandLine: 'quiet',
    },
    endpoints: [],
    async snapshot(files: { state: string; memory: string }) {
      writeFileSync(files.state, Buffer.alloc(16 * 1024, 'no state of a machine'));
      writeFileSync(files.memory, '');
      truncateSync(files.memory, MEMORY_BYTES);
      return { sha256: await hashFile(files.memory), dataBytes: 0 };
    },
  } as unknown as Machine;
}

/** Each damage to a copy of the snapshot, and what it must be called. */
const damages: [string, (directory: string) => void, string][] = [
  ['half-written', (at) => rmSync(join(at, 'manifest.json')), 'SNAPSHOT_INCOMPLETE'],
  ['memory truncated', (at) => truncateSync(join(at, 'memory'), 8 << 20), 'SNAPSHOT_DAMAGED'],
  ['memory altered', (at) => alter(join(at, 'memory'), 1 << 20), 'SNAPSHOT_DAMAGED'],
  ['state altered', (at) => alter(join(at, 'state'), 5000), 'SNAPSHOT_DAMAGED'],
  ['of another QEMU', (at) => editMachine(at, { engineVersion: '9.1.0' }), 'SNAPSHOT_FOREIGN'],
  [
    'of a machine unknown here',
    (at) => editMachine(at, { machineType: 'pc-q35-99.0' }),
    'SNAPSHOT_FOREIGN',
  ],
  ['of another engine', (at) => editMachine(at, { engine: 'firecracker' }), 'SNAPSHOT_FOREIGN'],
  [
    'of another CPU',
    (at) => editMachine(at, { accelerator: 'kvm', hostCpu: 'Zilog Z80' }),
    'SNAPSHOT_FOREIGN',
  ],
  ['of other devices', (at) => editMachine(at, { devices: ['floppy'] }), 'SNAPSHOT_FOREIGN'],
];

test.each(damages)('%s: refused before any guest runs', async (_what, damage, code) => {
  cpSync(snapshot, copy, { recursive: true, preserveTimestamps: true });
  damage(copy);
  const error = await failureOf(restoreVm(copy, { policy: 'on-demand' }));
  expect(error.code, error.message).toBe(code);
});

// That the others are refused for their damage alone: without one, QEMU gets as far as the state.
test('of a state that is none, not damaged since: refused by QEMU', async () => {
  cpSync(snapshot, copy, { recursive: true, preserveTimestamps: true });
  const error = await failureOf(restoreVm(copy, { policy: 'on-demand' }));
  // QEMU 7.2 ends itself over it, later ones say it.
  expect(error.message).toMatch(/load of migration failed|cannot load the state/);
});

function alter(path: string, offset: number): void {
  const bytes = readFileSync(path);
  bytes[offset] = (bytes[offset] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

function editMachine(directory: string, change: Record<string, unknown>): void {
  const path = join(directory, 'manifest.json');
  const manifest = JSON.parse(readFileSync(path, 'utf8'));
  Object.assign(manifest.machine, change);
  writeFileSync(path, JSON.stringify(manifest));
}
