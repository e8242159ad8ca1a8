// SPDX-License-Identifier: Apache-2.0
// Compiles the C programs that run inside the guest with the system compiler: static, so that they
// run on any userland and in the initramfs.
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, type CacheEntry, cached } from './cache.ts';
import { runCommand } from './cache-process.ts';

/** The repository's guest/ directory: three levels above this file, in src as in dist. */
export const guestDirectory: string = fileURLToPath(new URL('../../../guest/', import.meta.url));

const programs = {
  initramfs: ['init/initramfs.c', 'init/cmdline.c'],
  init: ['init/init.c', 'init/cmdline.c', 'init/network.c'],
  agent: [
    'agent/agent.c',
    'agent/request.c',
    'agent/reply.c',
    'agent/process.c',
    'agent/mappings.c',
    'agent/attach.c',
    'agent/state.c',
  ],
} as const;

const flags = ['-static', '-Os', '-Wall', '-Wextra', '-s'] as const;

/** The file's path below guest/ and the SHA-256 of its bytes. */
export async function hashSources(
  directory: string,
  wanted: RegExp,
): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  const root = join(guestDirectory, directory);
  for (const entry of await readdir(root, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || !wanted.test(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    const digest = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
    hashes[path.slice(guestDirectory.length)] = digest;
  }
  return hashes;
}

/** Files `initramfs`, `init` and `agent` in the entry's directory. */
export async function ensurePrograms(options: BuildOptions = {}): Promise<CacheEntry> {
  const inputs = {
    recipe: 1,
    flags,
    programs,
    compiler: (await runCommand(['cc', '--version'])).split('\n')[0],
    sources: {
      ...(await hashSources('init', /\.[ch]$/)),
      ...(await hashSources('agent', /\.[ch]$/)),
    },
  };
  return cached(
    'programs',
    inputs,
    async (directory) => {
      for (const [name, sources] of Object.entries(programs)) {
        options.onProgress?.({ step: 'programs', message: `compiling ${name}` });
        const output = ['-o', join(directory, name)];
        await runCommand(['cc', ...flags, ...output, ...sources], {
          cwd: guestDirectory,
          ...(options.signal === undefined ? {} : { signal: options.signal }),
        });
      }
    },
    options,
  );
}
