// SPDX-License-Identifier: Apache-2.0
// From a userland tar and our own files to an ext4 image, the same bytes every time, with or
// without root.
import {
  chmod,
  cp,
  lutimes,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BuildError } from './cache-error.ts';
import { findTool, runCommand, whichTool } from './cache-process.ts';
import { dateInodes } from './image-ext4.ts';
import { dateKeystore } from './image-keystore.ts';

/** A file or directory of the host that goes into the image. */
export interface ImageFile {
  readonly from: string;
  /** Absolute in the guest. */
  readonly to: string;
  readonly mode?: number;
}

/** Part of an image's key: raise it with every change here that changes an image. */
export const treeRecipe = 2;

/** The date of everything in an image: 2000-01-01, in seconds. ext4 keeps no dates before 1970. */
export const imageEpoch = 946_684_800;

/** What differs between two builds, belongs to the host, or is of no use to a guest. */
const unwanted = [
  'etc/hostname',
  'etc/resolv.conf',
  'etc/machine-id',
  'etc/apt',
  'var/cache/apt',
  'var/cache/debconf',
  'var/cache/ldconfig/aux-cache',
  'var/lib/apt',
  'var/lib/dpkg/status-old',
  'var/lib/systemd/random-seed',
  'var/log',
  'usr/share/doc',
  'usr/share/info',
  'usr/share/locale',
  'usr/share/man',
  'usr/share/lintian',
];

/** Where init mounts something, and what a service may expect. */
const directories = ['overlay', 'rom', 'mnt', 'proc', 'sys', 'dev', 'run', 'tmp', 'var/log', 'opt'];

/** Unpacks a tar, owned by whoever runs this: ownership is made root's when the image is. */
export async function unpackTree(tar: string, tree: string, signal?: AbortSignal): Promise<void> {
  await mkdir(tree, { recursive: true });
  const options = ['--no-same-owner', '--preserve-permissions', '--exclude=./dev/*'];
  await runCommand(
    ['tar', '--extract', ...options, '--file', tar, '--directory', tree],
    signal === undefined ? {} : { signal },
  );
}

/** Takes out what a guest does not want, puts in our files, and gives everything one date. */
export async function furnishTree(tree: string, files: readonly ImageFile[]): Promise<void> {
  for (const path of unwanted) await rm(join(tree, path), { recursive: true, force: true });
  for (const path of directories) await mkdir(join(tree, path), { recursive: true });
  await chmod(join(tree, 'tmp'), 0o1777);
  await writeFile(join(tree, 'etc/hostname'), 'rekindle\n');
  await writeFile(join(tree, 'etc/hosts'), '127.0.0.1 localhost rekindle\n::1 localhost\n');
  await writeFile(join(tree, 'etc/resolv.conf'), '');
  for (const { from, to, mode } of files) {
    const target = join(tree, to);
    await mkdir(dirname(target), { recursive: true });
    await cp(from, target, { recursive: true });
    if (mode !== undefined) await chmod(target, mode);
  }
  await dateCertificates(join(tree, 'etc/ssl/certs/java/cacerts'));
  await dateTree(tree);
}

async function dateCertificates(path: string): Promise<void> {
  const bytes = await readFile(path).catch(() => undefined);
  const dated = bytes && dateKeystore(bytes, imageEpoch * 1000);
  if (dated) await writeFile(path, dated);
}

/** Sets every date below, deepest first: writing into a directory dates the directory. */
async function dateTree(path: string): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const inner = join(path, entry.name);
    if (entry.isDirectory()) await dateTree(inner);
    else await lutimes(inner, imageEpoch, imageEpoch);
  }
  await lutimes(path, imageEpoch, imageEpoch);
}

interface TreeSize {
  bytes: number;
  inodes: number;
}

async function measureTree(path: string): Promise<TreeSize> {
  const total = { bytes: 4096, inodes: 1 };
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const inner = join(path, entry.name);
    if (entry.isDirectory()) {
      const below = await measureTree(inner);
      total.bytes += below.bytes;
      total.inodes += below.inodes;
    } else {
      const size = entry.isFile() ? (await stat(inner)).size : 0;
      total.bytes += Math.ceil(size / 4096) * 4096;
      total.inodes += 1;
    }
  }
  return total;
}

export interface Ext4Options {
  /** Free space beyond what the tree takes, MiB. */
  readonly spareMiB: number;
  readonly signal?: AbortSignal;
}

/**
 * All of them, because the host's mke2fs.conf is not read. Without metadata_csum and 64bit the
 * dates can be set afterwards (see image-ext4.ts).
 */
const features = [
  'dir_index,dir_nlink,extent,extra_isize,filetype,flex_bg,huge_file,large_file,sparse_super',
  '^64bit,^has_journal,^metadata_csum,^resize_inode,^uninit_bg',
].join();

/** Any fixed value serves: an image's identity is its hash. */
const imageUuid = '72656b69-6e64-6c65-8000-000000000001';
const hashSeed = '72656b69-6e64-6c65-8000-000000000002';

/**
 * Writes the tree as an ext4 file system, everything owned by root. No journal: it is mounted
 * read-only, and a journal would differ from build to build.
 * @throws BuildError
 */
export async function writeExt4(tree: string, image: string, options: Ext4Options): Promise<void> {
  const { bytes, inodes } = await measureTree(tree);
  const count = Math.ceil((inodes + 64) * 1.1);
  // Bitmaps, group descriptors and indirect extents take about a fiftieth.
  const needed = (bytes + count * 256) * 1.03 + (options.spareMiB + 4) * 1048576;
  const blocks = Math.ceil(needed / 1048576) * 256;
  const settings = [
    ['-q', '-F', '-t', 'ext4', '-b', '4096', '-I', '256', '-m', '0', '-L', 'rekindle'],
    ['-N', String(count), '-U', imageUuid],
    ['-O', features],
    ['-E', `hash_seed=${hashSeed},root_owner=0:0,lazy_itable_init=0,nodiscard`],
    ['-d', tree, image, String(blocks)],
  ].flat();
  await runCommand([...(await asRoot()), findTool('mke2fs'), ...settings], {
    name: 'mke2fs',
    env: {
      SOURCE_DATE_EPOCH: String(imageEpoch),
      // e2fsprogs before 1.47.1 knows only this name for it.
      E2FSPROGS_FAKE_TIME: String(imageEpoch),
      MKE2FS_CONFIG: '/dev/null', // the host's defaults are no input of ours
    },
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  await dateInodes(image, imageEpoch);
}

/** A prefix under which the caller's files appear as root's; none where they are. */
async function asRoot(): Promise<[string, ...string[]] | []> {
  if (process.getuid?.() === 0) return [];
  try {
    await runCommand(['unshare', '--map-root-user', 'true']);
    return ['unshare', '--map-root-user'];
  } catch {
    if (whichTool('fakeroot') !== undefined) return ['fakeroot', '--'];
  }
  throw new BuildError(
    'TOOL_MISSING',
    'neither unprivileged user namespaces nor fakeroot are to be had',
    'mke2fs',
    'sudo apt-get install fakeroot',
  );
}
