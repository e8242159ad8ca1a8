// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { withUserlandTemporary } from './image-temporary.ts';

const before = process.env.TMPDIR;
let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'rekindle-temporary-test-'));
  process.env.TMPDIR = root;
});
afterEach(async () => {
  if (before === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = before;
  await rm(root, { recursive: true, force: true });
});

/** A directory as a build of that process leaves it when killed. */
function leftBy(pid: number): string {
  const path = join(root, `rekindle-userland-${pid}`);
  mkdirSync(path);
  writeFileSync(join(path, 'half'), 'half');
  return path;
}

it('lends a directory that all may pass through, and removes it', async () => {
  const path = await withUserlandTemporary(async (given) => {
    expect(statSync(given).mode & 0o777).toBe(0o755);
    writeFileSync(join(given, 'file'), 'x');
    return given;
  });
  expect(existsSync(path)).toBe(false);
});

it('removes it after a failure, and passes the failure on', async () => {
  let path = '';
  const failing = withUserlandTemporary(async (given) => {
    path = given;
    throw new Error('the mirror is down');
  });
  await expect(failing).rejects.toThrow('the mirror is down');
  expect(existsSync(path)).toBe(false);
});

it('clears away what a killed build left, not what a running one uses', async () => {
  const dead = leftBy(spawnSync('true').pid);
  const alive = leftBy(process.ppid);
  mkdirSync(join(root, 'rekindle-userland-notes'));
  await withUserlandTemporary(async () => {});
  expect(existsSync(dead)).toBe(false);
  expect(existsSync(alive)).toBe(true);
  expect(existsSync(join(root, 'rekindle-userland-notes'))).toBe(true);
});
