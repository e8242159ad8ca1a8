// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import type { MachineIdentity } from './engine.ts';
import { NO_LOG } from './log.ts';
import { qemuDevices } from './qemu-arguments.ts';
import { engineFor, type RestoreSubject, requireHost } from './restore-subject.ts';

function subject(changed: Partial<MachineIdentity>): RestoreSubject {
  return {
    directory: '/snapshot',
    state: '/snapshot/state',
    memory: '/snapshot/memory',
    identity: {
      engine: 'qemu',
      engineVersion: '7.2.22',
      accelerator: 'tcg',
      machineType: 'pc-q35-7.2',
      cpuModel: 'max,-la57',
      hostCpu: undefined,
      vcpus: 1,
      devices: qemuDevices(false),
      regions: [],
      pageSize: 4096,
      ...changed,
    },
    files: {},
  } as unknown as RestoreSubject;
}

test('a snapshot made here is taken', () => {
  expect(() => requireHost(subject({}))).not.toThrow();
});

test.each([
  ['CPU model', { cpuModel: 'max' }],
  ['CPU', { accelerator: 'kvm', cpuModel: 'host', hostCpu: 'another CPU' }],
  ['set of devices', { devices: ['isa-serial'] }],
] as const)('another %s is refused by name', (what, changed) => {
  const attempt = () => requireHost(subject(changed));
  expect(attempt).toThrow(
    expect.objectContaining({ code: 'SNAPSHOT_FOREIGN', place: what, hint: expect.any(String) }),
  );
});

test('a tap device is not passed over in silence', async () => {
  const network = { tap: 'tap0' } as never;
  const attempt = engineFor(subject({}), { log: NO_LOG, preloadLibrary: undefined, network });
  await expect(attempt).rejects.toMatchObject({ code: 'BAD_SPEC', hint: expect.any(String) });
});
