// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkBootSpec } from './boot-spec.ts';
import {
  checkSocketPath,
  claimDirectory,
  isAlive,
  listRecords,
  processStart,
  readRecord,
  selfIdentity,
  stateRoot,
  type VmRecord,
  vmDirectory,
  writeRecord,
} from './state-directory.ts';

let root: string;
const before = process.env.XDG_STATE_HOME;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'state-'));
  process.env.XDG_STATE_HOME = root;
});
afterEach(() => {
  if (before === undefined) delete process.env.XDG_STATE_HOME;
  else process.env.XDG_STATE_HOME = before;
  rmSync(root, { recursive: true });
});

function record(name: string, owner = selfIdentity()): VmRecord {
  return {
    name,
    owner,
    vmmPid: 1,
    endpoints: [],
    started: 1,
    snapshot: undefined,
  } as unknown as VmRecord;
}

test('a VM has a directory that only its user enters, and one VM has a name', () => {
  const directory = claimDirectory('shop');
  expect(directory).toBe(join(root, 'rekindle', 'vms', 'shop'));
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  expect(() => claimDirectory('shop')).toThrow(expect.objectContaining({ code: 'VM_EXISTS' }));
  writeRecord(directory, record('shop'));
  expect(readRecord(directory)?.name).toBe('shop');
  expect(listRecords().map(({ name }) => name)).toEqual(['shop']);
});

test('what a dead owner left is swept by a listing and by the next of that name', async () => {
  const child = spawn('true');
  const pid = child.pid as number;
  const startTicks = processStart(pid) ?? '1';
  await new Promise((resolve) => child.once('exit', resolve));
  const dead = { pid, startTicks };
  for (const name of ['one', 'two']) writeRecord(claimDirectory(name), record(name, dead));
  writeFileSync(join(vmDirectory('two'), 'ram'), 'x');
  expect(claimDirectory('two')).toBe(vmDirectory('two'));
  expect(readdirSync(vmDirectory('two'))).toEqual([]);
  writeRecord(vmDirectory('two'), record('two'));
  expect(listRecords().map(({ name }) => name)).toEqual(['two']);
  expect(existsSync(vmDirectory('one'))).toBe(false);
});

test('a number that another process got later does not count as the owner', () => {
  expect(isAlive(selfIdentity())).toBe(true);
  expect(isAlive({ pid: process.pid, startTicks: '1' })).toBe(false);
});

test('a directory that is being made is left alone; an old one without an owner is not', () => {
  mkdirSync(join(stateRoot(), 'young'), { recursive: true });
  mkdirSync(join(stateRoot(), 'old'));
  utimesSync(join(stateRoot(), 'old'), 1, 1);
  expect(listRecords()).toEqual([]);
  expect(readdirSync(stateRoot())).toEqual(['young']);
});

test.each(['', '.', '..', '-x', 'a/b', 'a b', 'ü', 'x'.repeat(65)])('%j is no name', (name) => {
  expect(() => vmDirectory(name)).toThrow(expect.objectContaining({ code: 'BAD_SPEC' }));
});

test('107 bytes are a socket path, 108 are not; bytes count, not characters', () => {
  expect(checkSocketPath('/'.repeat(107))).toHaveLength(107);
  expect(() => checkSocketPath('/'.repeat(108))).toThrow(
    expect.objectContaining({ code: 'SOCKET_PATH_TOO_LONG' }),
  );
  expect(() => checkSocketPath('ü'.repeat(54))).toThrow(
    expect.objectContaining({ code: 'SOCKET_PATH_TOO_LONG' }),
  );
});

test('a specification that no engine can boot is refused with the value', () => {
  const kernel = { path: import.meta.filename };
  const good = { name: 'a', kernel, memoryBytes: 64 << 20 };
  expect(() => checkBootSpec(good)).not.toThrow();
  const bad: [Partial<Parameters<typeof checkBootSpec>[0]>, string][] = [
    [{ kernel: { path: '/nowhere' } }, '/nowhere'],
    [{ image: { path: '/nowhere' } }, '/nowhere'],
    [{ memoryBytes: 64.5 * 2 ** 20 }, '67633152'],
    [{ memoryBytes: 1 << 20 }, '1 MiB'],
    [{ vcpus: 0 }, 'vcpus'],
    [{ vcpus: 1.5 }, 'vcpus'],
    [{ forwards: [{ guestPort: 70_000 }] }, '70000'],
    [{ forwards: [{ guestPort: 80, hostPort: 0 }] }, 'port'],
  ];
  for (const [change, word] of bad) {
    expect(() => checkBootSpec({ ...good, ...change })).toThrow(
      expect.objectContaining({ code: 'BAD_SPEC', message: expect.stringContaining(word) }),
    );
  }
});
