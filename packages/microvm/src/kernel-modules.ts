// SPDX-License-Identifier: Apache-2.0
// Which module files a guest needs, and in which order.
//
// A package's modules.dep does not exist before depmod has run, so the order comes from where
// depmod takes it too: the `depends=` string in each module's .modinfo section (NUL-separated
// `key=value` strings). What modules.builtin lists needs no file.
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { BuildError } from './cache-error.ts';
import { findTool, runCommand } from './cache-process.ts';

export interface KernelModule {
  /** As the kernel spells it: underscores. */
  readonly name: string;
  /** Relative to the modules directory. */
  readonly path: string;
  readonly depends: readonly string[];
}

export interface ModuleTree {
  /** lib/modules/<release> */
  readonly directory: string;
  readonly files: ReadonlyMap<string, string>;
  readonly builtin: ReadonlySet<string>;
}

/** virtio-rng.ko.xz and virtio_rng are one module. */
export function moduleName(path: string): string {
  return basename(path)
    .replace(/\.ko(\.(xz|zst|gz))?$/, '')
    .replaceAll('-', '_');
}

export async function readModuleTree(directory: string): Promise<ModuleTree> {
  const files = new Map<string, string>();
  for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || !/\.ko(\.(xz|zst|gz))?$/.test(entry.name)) continue;
    files.set(
      moduleName(entry.name),
      join(entry.parentPath, entry.name).slice(directory.length + 1),
    );
  }
  const list = await readFile(join(directory, 'modules.builtin'), 'utf8');
  const builtin = new Set(list.split('\n').filter(Boolean).map(moduleName));
  return { directory, files, builtin };
}

/** The module's bytes, uncompressed: our init loads them without the kernel's decompressor. */
export async function readModule(tree: ModuleTree, path: string): Promise<Uint8Array> {
  const full = join(tree.directory, path);
  if (path.endsWith('.ko')) return readFile(full);
  const tool = path.endsWith('.xz') ? 'xz' : path.endsWith('.zst') ? 'zstd' : 'gzip';
  findTool(tool);
  // Through a file: runCommand returns text.
  const plain = `${full}.plain`;
  await runCommand(['sh', '-c', '"$1" -dc <"$2" >"$3"', 'sh', tool, full, plain]);
  return readFile(plain);
}

/** Values of one key in the module's .modinfo strings. */
export function modinfo(bytes: Uint8Array, key: string): string[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values: string[] = [];
  const wanted = Buffer.from(`\0${key}=`, 'latin1');
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
    const start = at + wanted.length;
    const end = text.indexOf(0, start);
    values.push(text.toString('latin1', start, end < 0 ? text.length : end));
  }
  return values;
}

/**
 * The wanted modules and what they need, each after what it depends on.
 * @param required missing from tree and kernel alike is an error.
 * @param optional missing is fine.
 */
export async function orderModules(
  tree: ModuleTree,
  required: readonly string[],
  optional: readonly string[] = [],
): Promise<KernelModule[]> {
  const ordered = new Map<string, KernelModule>();
  const visiting = new Set<string>();
  const visit = async (name: string, wantedBy: string): Promise<void> => {
    if (ordered.has(name) || visiting.has(name) || tree.builtin.has(name)) return;
    const path = tree.files.get(name);
    if (path === undefined) {
      throw new BuildError(
        'MODULE_MISSING',
        `the kernel has no module ${name} (wanted by ${wantedBy})`,
        tree.directory,
        'Choose another kernel package with --package.',
      );
    }
    visiting.add(name);
    const line = modinfo(await readModule(tree, path), 'depends')[0] ?? '';
    const depends = line.split(',').filter(Boolean).map(moduleName);
    for (const needed of depends) await visit(needed, name);
    ordered.set(name, { name, path, depends });
  };
  for (const name of required) await visit(moduleName(name), 'rekindle');
  for (const name of optional) {
    if (tree.files.has(moduleName(name))) await visit(moduleName(name), 'rekindle');
  }
  return [...ordered.values()];
}
