// SPDX-License-Identifier: Apache-2.0
// The guest kernel: the distribution's own, as it comes out of its package. Nothing is
// installed and nothing compiled.
import { copyFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type BuildOptions, cached } from './cache.ts';
import { BuildError } from './cache-error.ts';
import { aptFingerprint, remembered } from './cache-fingerprint.ts';
import { runCommand } from './cache-process.ts';
import { firstAvailable, type PackageRecord, showPackage } from './image-packages.ts';
import { aptOptions, readPackageSources, withApt } from './image-sources.ts';
import { orderModules, readModule, readModuleTree } from './kernel-modules.ts';

export interface KernelOptions extends BuildOptions {
  /** A kernel package of the host's distribution; default: its leanest one for virtual machines. */
  readonly package?: string;
}

/** A kernel in the cache. */
export interface Kernel {
  /** vmlinuz, a bzImage on x86. */
  readonly path: string;
  /** SHA-256 of vmlinuz. */
  readonly hash: string;
  /** Such as 6.1.0-56-cloud-amd64. */
  readonly release: string;
  /** The package it came from, with version. */
  readonly package: string;
  /** Directory of the module files, and their names in the order of loading. */
  readonly modulesDirectory: string;
  readonly modules: readonly string[];
  readonly reused: boolean;
  readonly seconds: number;
}

/** Without these there is no root file system, no network, no agent, no writable layer. */
const required = ['virtio_pci', 'virtio_blk', 'virtio_net', 'virtio_console', 'overlay', 'ext4'];
/** virtio_mmio for Firecracker; the others for devices a VM may or may not have. */
const optional = [
  'virtio_mmio',
  'virtio_balloon',
  'virtio_rng',
  'vmw_vsock_virtio_transport',
  'vmgenid',
];

/** Leanest first. Debian has the cloud flavour, Ubuntu the virtual one (the generic kernel). */
function kernelPackages(architecture: string): string[] {
  return [
    `linux-image-cloud-${architecture}`,
    'linux-image-virtual',
    'linux-image-generic',
    `linux-image-${architecture}`,
  ];
}

interface ResolvedKernel {
  /** `name=version`: the image, then packages that hold its modules. */
  readonly packages: readonly string[];
  readonly architecture: string;
}

async function resolveKernel(options: KernelOptions): Promise<ResolvedKernel> {
  options.onProgress?.({ step: 'kernel', message: 'looking for a kernel package' });
  return withApt(async (apt, { architecture }) => {
    const names = options.package ? [options.package] : kernelPackages(architecture);
    const image = await followMetaPackages(await firstAvailable(names, apt), apt);
    const found = [image];
    // Ubuntu ships the modules beside the image.
    for (const name of image.depends.filter((depend) => /^linux-modules-\d/.test(depend))) {
      const record = await showPackage(name, apt);
      if (record !== undefined) found.push(record);
    }
    return { packages: found.map(({ name, version }) => `${name}=${version}`), architecture };
  });
}

/** linux-image-virtual leads to linux-image-generic leads to linux-image-6.8.0-50-generic. */
async function followMetaPackages(
  start: PackageRecord,
  apt: readonly string[],
): Promise<PackageRecord> {
  let image = start;
  for (let level = 0; level < 4; level++) {
    if (/^linux-image-(unsigned-)?\d/.test(image.name)) return image;
    const next = image.depends.find((name) => name.startsWith('linux-image-'));
    const record = next === undefined ? undefined : await showPackage(next, apt);
    if (record === undefined) break;
    image = record;
  }
  throw new BuildError(
    'PACKAGE_MISSING',
    `${start.name} does not lead to a kernel package`,
    start.name,
    'Name one with --package.',
  );
}

/**
 * The guest kernel and its modules, from the cache or from the host's package sources. Needs no
 * root.
 * @throws BuildError
 */
export async function ensureKernel(options: KernelOptions = {}): Promise<Kernel> {
  const started = performance.now();
  const resolved = await remembered(
    {
      question: 'kernel',
      recipe: 1,
      package: options.package ?? null,
      apt: await aptFingerprint(),
    },
    () => resolveKernel(options),
    options,
  );
  const inputs = { recipe: 1, ...resolved, required, optional };
  const entry = await cached(
    'kernel',
    inputs,
    (directory) => unpackKernel(directory, resolved.packages, options),
    options,
  );
  const facts = entry.record.facts as { release: string; modules: string[] };
  return {
    path: join(entry.directory, 'vmlinuz'),
    hash: entry.record.files.vmlinuz!.sha256,
    release: facts.release,
    package: resolved.packages[0]!,
    modulesDirectory: join(entry.directory, 'modules'),
    modules: facts.modules,
    reused: entry.reused,
    seconds: (performance.now() - started) / 1000,
  };
}

/** Leaves vmlinuz, config and modules/*.ko in the directory. */
async function unpackKernel(
  directory: string,
  packages: readonly string[],
  options: BuildOptions,
): Promise<{ release: string; modules: string[] }> {
  const { onProgress, signal } = options;
  const tree = join(directory, 'tree');
  await mkdir(tree);
  onProgress?.({ step: 'kernel', message: `downloading ${packages.join(' ')}`, fraction: 0.1 });
  const running = signal === undefined ? {} : { signal };
  const apt = await aptOptions(await readPackageSources(), tree);
  await runCommand(['apt-get', ...apt, 'download', ...packages], { cwd: directory, ...running });
  onProgress?.({ step: 'kernel', message: 'unpacking', fraction: 0.6 });
  const archives = (await readdir(directory)).filter((name) => name.endsWith('.deb'));
  for (const archive of archives) {
    await runCommand(['dpkg-deb', '-x', join(directory, archive), tree], running);
    await rm(join(directory, archive));
  }

  const image = await findKernel(tree);
  const release = image.slice(image.indexOf('vmlinuz-') + 'vmlinuz-'.length);
  await copyFile(image, join(directory, 'vmlinuz'));
  await copyFile(join(tree, 'boot', `config-${release}`), join(directory, 'config')).catch(() => {
    // Ubuntu keeps it in the modules package; a kernel without one boots as well.
  });
  const moduleTree = await readModuleTree(await findModules(tree, release));
  const ordered = await orderModules(moduleTree, required, optional);
  await mkdir(join(directory, 'modules'));
  for (const module of ordered) {
    const bytes = await readModule(moduleTree, module.path);
    await writeFile(join(directory, 'modules', `${module.name}.ko`), bytes);
  }
  await rm(tree, { recursive: true });
  return { release, modules: ordered.map((module) => module.name) };
}

async function findKernel(tree: string): Promise<string> {
  const boot = join(tree, 'boot');
  const name = (await readdir(boot)).find((file) => file.startsWith('vmlinuz-'));
  if (name === undefined) {
    throw new BuildError('INPUT', 'the package holds no vmlinuz', boot, 'Name another.');
  }
  return join(boot, name);
}

async function findModules(tree: string, release: string): Promise<string> {
  for (const base of ['lib/modules', 'usr/lib/modules']) {
    const directory = join(tree, base, release);
    const found = await readdir(directory).catch(() => []);
    if (found.length > 0) return directory;
  }
  throw new BuildError(
    'INPUT',
    `the package holds no modules of ${release}`,
    dirname(tree),
    'Name another kernel package with --package.',
  );
}
