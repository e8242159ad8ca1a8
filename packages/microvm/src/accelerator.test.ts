// SPDX-License-Identifier: Apache-2.0
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type AcceleratorQuestion, chooseAccelerator } from './accelerator.ts';

let directory: string;
let question: AcceleratorQuestion;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'accelerator-'));
  writeFileSync(join(directory, 'kernel'), 'kernel');
  // Stands for /dev/kvm: what matters is that it can be opened.
  writeFileSync(join(directory, 'kvm'), '');
  question = {
    binary: join(directory, 'qemu'),
    version: '7.2.22',
    kernel: join(directory, 'kernel'),
    cacheDirectory: join(directory, 'probes'),
    device: join(directory, 'kvm'),
    deadlineMs: 400,
  };
});
afterEach(() => rmSync(directory, { recursive: true }));

/** A program that stands for QEMU; each start leaves a line in `starts`. */
function qemu(script: string): void {
  const path = join(directory, 'qemu');
  writeFileSync(path, `#!/bin/sh\necho started >> ${join(directory, 'starts')}\n${script}\n`);
  chmodSync(path, 0o755);
}

const starts = (): number => readFileSync(join(directory, 'starts'), 'utf8').split('\n').length - 1;

test('a guest that reaches user space on KVM decides for it, once per boot, kernel and version', async () => {
  qemu('echo "rekindle: user space reached" > console; exec sleep 10');
  const first = await chooseAccelerator(question);
  expect(first).toMatchObject({ accelerator: 'kvm', cached: false });
  expect(first.reason).toMatch(/^KVM, because it booted a test guest in \d+ ms$/);
  expect(await chooseAccelerator(question)).toEqual({ ...first, cached: true });
  expect(starts()).toBe(1);
  await chooseAccelerator({ ...question, version: '9.0.0' });
  writeFileSync(question.kernel, 'another kernel');
  await chooseAccelerator(question);
  expect(starts()).toBe(3);
});

test('a guest that hangs is given up at the deadline, with its last line', async () => {
  qemu('echo "Probing EDD (edd=off to disable)... ok" > console; exec sleep 10');
  const start = Date.now();
  const choice = await chooseAccelerator(question);
  expect(Date.now() - start).toBeLessThan(3000);
  expect(choice.accelerator).toBe('tcg');
  expect(choice.reason).toContain('had not reached user space after 0.4 s (last line: Probing EDD');
});

test('a QEMU that fails on KVM is told in its own words; asked for, KVM is refused, not replaced', async () => {
  qemu('echo "qemu: error: failed to set MSR 0x10a to 0x69" >&2; exit 1');
  const choice = await chooseAccelerator(question);
  expect(choice).toMatchObject({
    accelerator: 'tcg',
    reason:
      'emulation, because KVM failed to run a test guest: qemu: error: failed to set MSR 0x10a to 0x69',
  });
  await expect(chooseAccelerator({ ...question, wanted: 'kvm' })).rejects.toMatchObject({
    code: 'ACCELERATOR',
    message: expect.stringContaining('0x10a'),
  });
});

test('without the device nothing is started; emulation asked for asks nobody', async () => {
  qemu('exit 1');
  const gone = { ...question, device: join(directory, 'none') };
  expect(await chooseAccelerator(gone)).toMatchObject({ accelerator: 'tcg', cached: false });
  expect(await chooseAccelerator({ ...question, wanted: 'tcg' })).toEqual({
    accelerator: 'tcg',
    reason: 'asked for',
    cached: false,
  });
  expect(readdirSync(directory)).not.toContain('starts');
});

test('an answer that cannot be read is asked for again', async () => {
  qemu('exit 1');
  await chooseAccelerator(question);
  const [file] = readdirSync(join(directory, 'probes'));
  writeFileSync(join(directory, 'probes', file as string), '{"accelerator":"warp"');
  expect((await chooseAccelerator(question)).cached).toBe(false);
});
