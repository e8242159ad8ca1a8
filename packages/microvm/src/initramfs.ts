// SPDX-License-Identifier: Apache-2.0
// The initramfs: one static program and the modules it loads before there is a root to load
// them from.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { type BuildOptions, cached } from './cache.ts';
import { ensurePrograms } from './image-programs.ts';
import { type CpioMember, writeCpio } from './initramfs-cpio.ts';
import { ensureKernel, type Kernel } from './kernel.ts';

export interface InitramfsOptions extends BuildOptions {
  /** Default: what ensureKernel gives. */
  readonly kernel?: Kernel;
}

export interface Initramfs {
  readonly path: string;
  /** SHA-256 of the file. */
  readonly hash: string;
  readonly reused: boolean;
  readonly seconds: number;
}

/** The initramfs that goes with a kernel, from the cache or newly written. */
export async function ensureInitramfs(options: InitramfsOptions = {}): Promise<Initramfs> {
  const started = performance.now();
  const kernel = options.kernel ?? (await ensureKernel(options));
  const programs = await ensurePrograms(options);
  const inputs = {
    recipe: 1,
    init: programs.record.files.initramfs!.sha256,
    kernel: kernel.hash,
    modules: kernel.modules,
  };
  const entry = await cached(
    'initramfs',
    inputs,
    async (directory) => {
      options.onProgress?.({
        step: 'initramfs',
        message: `packing ${kernel.modules.length} modules`,
      });
      const init = await readFile(join(programs.directory, 'initramfs'));
      const modules = await Promise.all(
        kernel.modules.map((name) => readFile(join(kernel.modulesDirectory, `${name}.ko`))),
      );
      const archive = writeCpio(initramfsMembers(init, kernel.modules, modules));
      // Level 6 is half a second slower to make than 1 and a third smaller to load at every boot.
      const compressed = await promisify(gzip)(archive, { level: 6 });
      await writeFile(join(directory, 'initramfs.gz'), compressed);
    },
    options,
  );
  return {
    path: join(entry.directory, 'initramfs.gz'),
    hash: entry.record.files['initramfs.gz']!.sha256,
    reused: entry.reused,
    seconds: (performance.now() - started) / 1000,
  };
}

/** /init, the modules, the list that gives their order, and the directories /init mounts on. */
export function initramfsMembers(
  init: Uint8Array,
  names: readonly string[],
  modules: readonly Uint8Array[],
): CpioMember[] {
  const paths = names.map((name) => `lib/modules/${name}.ko`);
  return [
    ...['dev', 'lib', 'lib/modules', 'proc', 'root'].map(
      (path): CpioMember => ({ path, kind: 'directory' }),
    ),
    // The kernel opens it before devtmpfs is mounted.
    { path: 'dev/console', kind: 'device', major: 5, minor: 1 },
    { path: 'init', kind: 'file', mode: 0o755, bytes: init },
    {
      path: 'modules',
      kind: 'file',
      bytes: Buffer.from(paths.map((path) => `/${path}\n`).join('')),
    },
    ...modules.map((bytes, i): CpioMember => ({ path: paths[i]!, kind: 'file', bytes })),
  ];
}
