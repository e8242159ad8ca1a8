// SPDX-License-Identifier: Apache-2.0
// A directory for mmdebstrap to work in. Without root it works as other user ids, so the directory
// lies where all may pass (not below a private home), and what is left of it may belong to them.
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from './cache-process.ts';

const prefix = 'rekindle-userland-';

/**
 * Calls `use` with a new directory and removes it, and those of builds that were killed. (After Ctrl-C
 * mmdebstrap empties it and the next build removes it: nothing that may hold a mount is removed in haste.)
 */
export async function withUserlandTemporary<T>(use: (path: string) => Promise<T>): Promise<T> {
  await removeAbandoned();
  const path = join(tmpdir(), `${prefix}${process.pid}`);
  try {
    await mkdir(path, { recursive: true });
    await chmod(path, 0o755);
    return await use(path);
  } finally {
    await remove(path);
  }
}

async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = name.startsWith(prefix) ? name.slice(prefix.length) : '';
    if (/^\d+$/.test(pid) && !existsSync(`/proc/${pid}`)) await remove(join(tmpdir(), name));
  }
}

/** Never into another file system: a killed mmdebstrap may have left /proc, /sys and /dev mounted there. */
async function remove(path: string): Promise<void> {
  const command = ['rm', '-rf', '--one-file-system', path] as const;
  await runCommand(command)
    // What is left may belong to subordinate ids of ours, which mmdebstrap can become. If it cannot
    // either, the directory is somebody else's and stays, as temporary files of others do.
    .catch(() => runCommand(['mmdebstrap', '--unshare-helper', ...command]))
    .catch(() => {});
}
