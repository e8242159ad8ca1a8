// SPDX-License-Identifier: Apache-2.0
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isElf } from './elf.ts';
import { chooseEngine } from './engine-choice.ts';

const path = process.env.PATH;
let directory: string;
let kernel: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'engine-'));
  kernel = join(directory, 'vmlinux');
  writeFileSync(kernel, '\x7fELF kernel');
  process.env.PATH = directory;
});
afterEach(() => {
  process.env.PATH = path;
  rmSync(directory, { recursive: true });
});

function install(name: string, says: string): void {
  writeFileSync(join(directory, name), `#!/bin/sh\necho "${says}"\n`);
  chmodSync(join(directory, name), 0o755);
}

const network = { tap: 'tap0', hostAddress: '172.16.0.1', guestAddress: '172.16.0.2' };

test('without Firecracker it is QEMU, and the reason says what is missing', async () => {
  const choice = await chooseEngine({ kernel, network });
  expect(choice.engine.name).toBe('qemu');
  expect(choice.reason).toMatch(/^QEMU, because firecracker is not installed/);
});

test('asked for, Firecracker is refused rather than replaced; QEMU asked for asks nobody', async () => {
  await expect(chooseEngine({ wanted: 'firecracker', kernel, network })).rejects.toMatchObject({
    code: 'VMM_MISSING',
    message: expect.stringContaining('not installed'),
  });
  install('firecracker', 'Firecracker v1.16.1');
  expect(await chooseEngine({ wanted: 'qemu', kernel })).toMatchObject({
    reason: 'QEMU, as asked for',
  });
});

test('a Firecracker that could not reach its guest or read its kernel is not taken', async () => {
  install('firecracker', 'Firecracker v1.16.1');
  const withoutTap = await chooseEngine({ kernel });
  const bzImage = join(directory, 'vmlinuz');
  writeFileSync(bzImage, 'MZ');
  const compressed = await chooseEngine({ kernel: bzImage, network });
  expect([withoutTap.engine.name, compressed.engine.name]).toEqual(['qemu', 'qemu']);
  expect(isElf(kernel)).toBe(true);
  expect(isElf(bzImage)).toBe(false);
  // On a host without /dev/kvm that is said first.
  expect(withoutTap.reason).toMatch(/tap device|may not be opened/);
  expect(compressed.reason).toMatch(/uncompressed kernel|may not be opened/);
});
