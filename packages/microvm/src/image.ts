// SPDX-License-Identifier: Apache-2.0
// The guest's root image: the host's distribution, a headless JRE, our init, agent and service.
//
//   packages as apt resolves them ─► userland tar (mmdebstrap) ─┐
//   guest/init, guest/agent ──────► static programs (cc) ───────┼─► tree ─► ext4 (mke2fs -d)
//   guest/service ────────────────► classes (javac) ────────────┘
//
// Each step is cached by the hash of its inputs, so a change of ours costs seconds.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type BuildOptions, type CacheEntry, cached } from './cache.ts';
import { BuildError } from './cache-error.ts';
import { aptFingerprint, remembered, toolFingerprint } from './cache-fingerprint.ts';
import { runCommand } from './cache-process.ts';
import { firstAvailable, resolvePackages } from './image-packages.ts';
import { ensurePrograms, guestDirectory, hashSources } from './image-programs.ts';
import { describeService, ensureService, type ServiceDescription } from './image-service.ts';
import { readPackageSources, withApt } from './image-sources.ts';
import { withUserlandTemporary } from './image-temporary.ts';
import {
  furnishTree,
  type ImageFile,
  imageEpoch,
  treeRecipe,
  unpackTree,
  writeExt4,
} from './image-tree.ts';

export interface ImageOptions extends BuildOptions {
  /** A directory of guest/service; default orders. */
  readonly service?: string;
  /** More packages of the distribution. */
  readonly packages?: readonly string[];
  /** Free space in the file system, MiB; only a writable root needs it. Default 8. */
  readonly spareMiB?: number;
}

/** An image in the cache. */
export interface Image {
  /** An ext4 file system, sparse. */
  readonly path: string;
  /** SHA-256 of the file. */
  readonly hash: string;
  readonly bytes: number;
  /** Such as openjdk-17-jre-headless 17.0.21.1+2-1~deb12u1. */
  readonly java: string;
  readonly distribution: string;
  readonly service: string;
  readonly reused: boolean;
  readonly seconds: number;
}

/** Releases with long-term support, newest first; the first that the distribution has is taken. */
const javaReleases = [25, 21, 17];

/**
 * The root image, from the cache or newly made. Needs no root where mmdebstrap needs none.
 * @throws BuildError
 */
export async function ensureImage(options: ImageOptions = {}): Promise<Image> {
  const started = performance.now();
  const service = await describeService(options.service ?? 'orders');
  const packages = [...service.packages, ...(options.packages ?? [])];
  const userland = await remembered(
    {
      question: 'userland',
      recipe: 2,
      packages,
      apt: await aptFingerprint(),
      mmdebstrap: await toolFingerprint('mmdebstrap'),
    },
    () => resolveUserland(packages, options),
    options,
  );
  const base = await ensureUserland(userland, options);
  const image = await ensureRoot(base, service, options);
  const file = image.record.files['root.ext4']!;
  return {
    path: join(image.directory, 'root.ext4'),
    hash: file.sha256,
    bytes: file.bytes,
    java: userland.java,
    distribution: `${userland.distribution} ${userland.suite}`,
    service: service.name,
    reused: image.reused,
    seconds: (performance.now() - started) / 1000,
  };
}

/** What the userland is to be made of. */
interface Userland {
  readonly distribution: string;
  readonly suite: string;
  readonly architecture: string;
  readonly java: string;
  readonly mmdebstrap: string;
  /** What is asked for, and everything that comes of it as `name=version`. */
  readonly wanted: readonly string[];
  readonly packages: readonly string[];
}

async function resolveUserland(
  packages: readonly string[],
  options: BuildOptions,
): Promise<Userland> {
  options.onProgress?.({ step: 'image', message: 'resolving packages' });
  return withApt(async (apt, { distribution, suite, architecture }) => {
    const names = javaReleases.map((release) => `openjdk-${release}-jre-headless`);
    const java = await firstAvailable(names, apt);
    const wanted = [java.name, ...packages];
    const resolved = await resolvePackages(wanted, apt);
    return {
      distribution,
      suite,
      architecture,
      java: `${java.name} ${java.version}`,
      mmdebstrap: (await runCommand(['mmdebstrap', '--version'])).trim(),
      wanted,
      packages: resolved.map(({ name, version }) => `${name}=${version}`),
    };
  });
}

/** Messages of mmdebstrap in their order: where it is, as a share of the whole. */
const userlandSteps: readonly [RegExp, number][] = [
  [/apt-get update/, 0.05],
  [/downloading packages/, 0.15],
  [/extracting/, 0.35],
  [/installing essential/, 0.45],
  [/installing remaining/, 0.6],
  [/cleaning package lists/, 0.85],
  [/creating tarball/, 0.9],
];

/** `userland.tar` in the entry's directory. */
async function ensureUserland(userland: Userland, options: BuildOptions): Promise<CacheEntry> {
  const settings = [
    '--variant=minbase',
    '--format=tar',
    `--architectures=${userland.architecture}`,
    `--include=${userland.wanted.join(',')}`,
    ...['doc', 'info', 'locale', 'lintian'].map(
      (name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`,
    ),
  ];
  const { distribution, suite, packages, mmdebstrap } = userland;
  const inputs = { recipe: 1, distribution, suite, settings, packages, mmdebstrap };
  return cached(
    'userland',
    inputs,
    async (directory) => {
      options.onProgress?.({
        step: 'userland',
        message: `${packages.length} packages`,
        fraction: 0,
      });
      const tar = join(directory, 'userland.tar');
      const sources = await readPackageSources();
      const fetching = sources.fetchOptions.map(
        (option) => `--aptopt=${option.replace(/;\s*$/, '')}`,
      );
      const command: [string, ...string[]] = [
        'mmdebstrap',
        ...settings,
        ...fetching,
        suite,
        tar,
        '-',
      ];
      await withUserlandTemporary((temporary) =>
        runCommand(withOwnMounts(command), {
          name: 'mmdebstrap',
          input: `${sources.lines.join('\n')}\n`,
          env: { SOURCE_DATE_EPOCH: String(imageEpoch), TMPDIR: temporary },
          ...(options.signal === undefined ? {} : { signal: options.signal }),
          onLine: (line) => {
            const step = userlandSteps.find(([pattern]) => pattern.test(line));
            if (step === undefined) return;
            const message = line.replace(/^I: |\.\.\.$/g, '');
            options.onProgress?.({ step: 'userland', message, fraction: step[1] });
          },
        }),
      ).catch(explainModes);
    },
    options,
  );
}

/** As root mmdebstrap mounts /proc, /sys and /dev: where nobody else sees them, and they end with it. */
function withOwnMounts(command: [string, ...string[]]): [string, ...string[]] {
  if (process.getuid?.() !== 0) return command;
  return ['unshare', '--mount', '--propagation', 'private', ...command];
}

/** Without root, mmdebstrap needs a range of user ids of its own; its message does not say how. */
function explainModes(error: unknown): never {
  if (!(error instanceof BuildError) || !error.message.includes('unable to pick chroot mode')) {
    throw error;
  }
  throw new BuildError(
    'TOOL_MISSING',
    'a userland cannot be built without root on this host yet',
    'mmdebstrap',
    'sudo apt-get install uidmap && sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $USER (or run as root)',
    error,
  );
}

/** `root.ext4` in the entry's directory. */
async function ensureRoot(
  base: CacheEntry,
  description: ServiceDescription,
  options: ImageOptions,
): Promise<CacheEntry> {
  const programs = await ensurePrograms(options);
  const service = await ensureService(description, base, options);
  const spareMiB = options.spareMiB ?? 8;
  const files: ImageFile[] = [
    { from: join(programs.directory, 'init'), to: '/sbin/rekindle-init', mode: 0o755 },
    { from: join(programs.directory, 'agent'), to: '/sbin/rekindle-agent', mode: 0o755 },
    { from: join(service.directory, 'classes'), to: '/opt/rekindle/classes' },
    { from: join(service.directory, 'arguments'), to: '/opt/rekindle/arguments' },
    { from: join(service.directory, 'main'), to: '/opt/rekindle/main' },
    { from: join(guestDirectory, 'service/launch'), to: '/opt/rekindle/service', mode: 0o755 },
  ];
  const inputs = {
    recipe: 1,
    // Its key, not its hash: the tar holds dates that the tree does not.
    userland: base.record.key,
    programs: programs.record.files,
    service: service.record.files,
    scripts: await hashSources('service', /^launch$/),
    tree: treeRecipe,
    mke2fs: await mke2fsVersion(),
    spareMiB,
  };
  return cached(
    'image',
    inputs,
    async (directory) => {
      const tree = join(directory, 'tree');
      options.onProgress?.({ step: 'image', message: 'unpacking the userland', fraction: 0.1 });
      await unpackTree(join(base.directory, 'userland.tar'), tree, options.signal);
      options.onProgress?.({
        step: 'image',
        message: 'adding init, agent and service',
        fraction: 0.4,
      });
      await furnishTree(tree, files);
      options.onProgress?.({ step: 'image', message: 'writing the file system', fraction: 0.5 });
      await writeExt4(tree, join(directory, 'root.ext4'), {
        spareMiB,
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
      await rm(tree, { recursive: true });
      options.onProgress?.({ step: 'image', message: 'hashing', fraction: 0.9 });
      return { service: description.name };
    },
    options,
  );
}

/** Printed to stderr, which runCommand does not return. */
async function mke2fsVersion(): Promise<string> {
  const lines: string[] = [];
  await runCommand(['mke2fs', '-V'], { onLine: (line) => lines.push(line) });
  return lines[0] ?? '';
}
