// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PagerError } from './pager-error.ts';

/** A C program or library of this package. */
export interface NativePart {
  /** Absolute paths of its source files. */
  readonly sources: readonly string[];
  /** What they include, of ours. */
  readonly headers?: readonly string[];
  /** File name of the result. */
  readonly output: string;
  readonly flags: readonly string[];
}

const native = (file: string): string =>
  fileURLToPath(new URL(`../native/${file}`, import.meta.url));

export const PRELOAD: NativePart = {
  sources: [native('uffd-preload.c')],
  output: 'uffd-preload.so',
  flags: ['-O2', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC', '-pthread'],
};

export const FAULT_ENGINE: NativePart = {
  sources: [native('fault-engine.c'), native('fault-workers.c')],
  headers: [native('fault-engine.h'), native('fault-thread.h')],
  output: 'fault-engine.so',
  flags: PRELOAD.flags,
};

export const TEST_VMM: NativePart = {
  sources: [native('test-vmm.c')],
  output: 'test-vmm',
  flags: ['-O2', '-Wall', '-Wextra', '-Werror', '-pthread'],
};

const compiler = (): string => process.env.CC ?? 'cc';

/** Where the result of a part goes: the cache, in a directory named by the hash of all that makes it. */
export function nativePath(part: NativePart): string {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  const hash = createHash('sha256');
  for (const file of [...part.sources, ...(part.headers ?? [])]) hash.update(readFileSync(file));
  const name = hash
    .update(JSON.stringify([part.flags, compiler(), process.arch]))
    .digest('hex')
    .slice(0, 16);
  return join(cache, 'rekindle', 'native', name, part.output);
}

/**
 * Compiles a part unless the cache has it. Written aside and renamed: an interrupted build leaves nothing
 * under the final name.
 * @returns the path of the result
 * @throws PagerError NATIVE_BUILD with the compiler's words
 */
export async function buildNative(part: NativePart): Promise<string> {
  const path = nativePath(part);
  if (existsSync(path)) return path;
  await mkdir(dirname(path), { recursive: true });
  const aside = `${path}.${process.pid}.${Date.now().toString(36)}`;
  try {
    await compile([...part.flags, '-o', aside, ...part.sources], part.sources[0]!);
    await rename(aside, path);
  } finally {
    await rm(aside, { force: true });
  }
  return path;
}

function compile(args: readonly string[], source: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(compiler(), args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let words = '';
    child.stderr.on('data', (text: Buffer) => {
      words += text.toString();
    });
    child.on('error', (error) => {
      const hint =
        'install a C compiler (Debian and Ubuntu: apt-get install gcc libc6-dev) or set CC';
      reject(new PagerError('NATIVE_BUILD', error.message, source, hint));
    });
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new PagerError('NATIVE_BUILD', `${compiler()} failed:\n${words.trim()}`, source));
    });
  });
}

/** Path of the preload library; it exists once {@link buildPreload} has run. */
export const preloadLibraryPath = (): string => nativePath(PRELOAD);

/** Builds the library that makes QEMU hand its memory to a pager. @returns its path */
export const buildPreload = (): Promise<string> => buildNative(PRELOAD);

/** Builds what a pager process runs faster with; it does so by itself when nobody did. */
export const buildFaultEngine = (): Promise<string> => buildNative(FAULT_ENGINE);
