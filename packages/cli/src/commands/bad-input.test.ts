// SPDX-License-Identifier: Apache-2.0
// What a user names by mistake: one error with its place and what to do, and the exit code.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const BIN = fileURLToPath(new URL('../../bin/rekindle.cjs', import.meta.url));
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rekindle-bad-input-'));
  mkdirSync(join(folder, 'folder'));
  writeFileSync(join(folder, 'empty'), '');
  writeFileSync(join(folder, 'noise'), Buffer.alloc(9999, 'a\0'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function rekindle(line: string): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...line.split(' ')], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, XDG_STATE_HOME: join(folder, '.state') },
    timeout: 20_000,
  });
  return { status, stdout, stderr };
}

const RECORDING_READERS = ['jfr summary', 'jfr print', 'jfr metadata', 'report', 'view'];

test.each(
  RECORDING_READERS.flatMap((command) =>
    ['missing', 'folder', 'empty', 'noise'].map((file) => [command, file] as const),
  ),
)('%s of what is %s', (command, file) => {
  const { status, stdout, stderr } = rekindle(`${command} ${file}`);
  expect(stderr).toMatch(new RegExp(`^rekindle: ${file}: .+\\[[A-Za-z-]+\\]\\n {2}\\S.*\\n$`));
  expect([status, stdout]).toEqual([1, '']);
});

test.each([
  [
    'run --memory 1',
    /^rekindle: memory cannot be 1 MiB \[BAD_SPEC\]\n {2}give 64 MiB to 256 GiB\n$/,
  ],
  [
    'run --kernel folder',
    /^rekindle: the kernel is a directory: .*folder \[BAD_SPEC\]\n {2}\S.*\n$/,
  ],
  ['restore folder', /^rekindle: not a whole snapshot: .* has no manifest\.json .*\n {2}\S.*\n$/],
  ['pager serve --socket s --memory folder', /^rekindle: folder: not a file \[\w+\]\n {2}\S.*\n$/],
  [
    'pager serve --socket s --memory empty --manifest noise',
    /^rekindle: .*noise.*\[LAYOUT\]\n {2}\S.*\n$/,
  ],
])('%s', (line, message) => {
  const before = readdirSync(folder);
  const { status, stdout, stderr } = rekindle(line);
  expect(stderr).toMatch(message);
  expect([status, stdout]).toEqual([1, '']);
  expect(readdirSync(folder).filter((name) => name !== '.state')).toEqual(
    before.filter((name) => name !== '.state'),
  );
});

test('a path through a file says to check the path', () => {
  const { status, stderr } = rekindle('memory introspect noise/snapshot');
  expect(status).toBe(1);
  expect(stderr).toMatch(/^rekindle: .*noise\/snapshot.*\n {2}\S.*\n$/);
});

test.each([
  ['frobnicate', /unknown command 'frobnicate'\n\(rekindle --help lists the commands\)/],
  ['report', /missing required argument 'runs'/],
  ['view --port 99999 noise', /must be a port, 0 to 65535/],
])('%s is wrong usage', (line, message) => {
  const { status, stdout, stderr } = rekindle(line);
  expect(stderr).toMatch(message);
  expect([status, stdout]).toEqual([2, '']);
});
