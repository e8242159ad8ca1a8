// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tinyInitramfs, tinyProgram } from './tiny-guest.ts';

test('the program prints its line; its archive is what cpio reads', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tiny-guest-'));
  try {
    const program = join(directory, 'program');
    writeFileSync(program, tinyProgram('hello from nowhere'));
    chmodSync(program, 0o755);
    // Without a user namespace of its own it would restart this machine when run as root.
    const run = spawnSync(
      'unshare',
      ['--user', '--map-current-user', 'timeout', '-s', 'KILL', '1', program],
      {
        encoding: 'utf8',
      },
    );
    if (run.stderr.includes('unshare failed')) {
      console.log('not run: no user namespaces on this host');
    } else {
      expect(run.stdout).toBe('hello from nowhere\n');
    }
    const archive = join(directory, 'initramfs');
    writeFileSync(archive, tinyInitramfs('hello'));
    const listed = spawnSync('busybox', ['cpio', '-itv'], {
      input: readFileSync(archive),
      encoding: 'utf8',
    });
    if (listed.error !== undefined) console.log('not listed: no busybox on this host');
    else expect(listed.stdout).toMatch(/^-rwxr-xr-x .* init\n$/);
    expect(readFileSync(archive).length % 4).toBe(0);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
