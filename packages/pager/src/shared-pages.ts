// SPDX-License-Identifier: Apache-2.0
// Memory that the clones of one snapshot share: a file on tmpfs, as large as the guest's memory and at first nothing
// but holes. Every VMM maps it privately, every pager puts pages into it. A page that is there is mapped by all
// clones that ask for it (a minor fault, UFFDIO_CONTINUE), read only: a guest's write makes the kernel copy it, so
// that nobody ever sees another one's writes.
//
// Why this and not a memfd that the VMMs map shared, which is what minor faults are usually shown with: there a
// write would reach every clone and the snapshot. The kernel (since 5.14) also accepts minor faults for a *private*
// mapping of shared memory; mfill_atomic_install_pte then leaves out the permission to write.
//
// A page is added by UFFDIO_COPY into our own registered mapping: the kernel copies first and adds it whole or not at
// all. So presence is all the book-keeping there is; pagers may race, and die at any point.
//
// The file belongs to whoever holds a lock on it (flock, one per VM, kept by the supervisor too). The last one removes
// it; what a crash leaves behind, the next pager to open a file here does.
import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import {
  createUserFaultFd,
  lockFile,
  type Mapping,
  mapShared,
  type UserFaultFd,
} from '@rekindle/linux';
import type { HandshakeRegion } from './handshake.ts';
import type { PagerOptions } from './options.ts';
import { PagerError } from './pager-error.ts';

/** Where the files are: in memory, this user's own. */
export const SHARED_DIRECTORY: string = `/dev/shm/rekindle-${process.getuid?.() ?? 0}`;

/** So often opening is tried while others remove what they find unused. */
const TRIES = 200;
const PAUSE_MILLIS = 5;

/**
 * The file for what is restored from exactly these files: one for a memory file that was changed, or lies
 * elsewhere, is another one.
 */
export function sharedPathFor(
  options: Pick<PagerOptions, 'memoryPath' | 'diffPaths' | 'snapshotHash'>,
): string {
  const { memoryPath, diffPaths = [], snapshotHash = '' } = options;
  const hash = createHash('sha256').update(snapshotHash);
  for (const path of [memoryPath, ...diffPaths]) hash.update(`\0${identityOf(path)}`);
  return join(SHARED_DIRECTORY, hash.digest('hex').slice(0, 32));
}

function identityOf(path: string): string {
  if (/^https?:\/\//.test(path)) return path;
  const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
  return [resolve(path), dev, ino, size, mtimeNs, ctimeNs].join('\0');
}

const refused = (path: string, message: string, hint: string): PagerError =>
  new PagerError('SHARED_MEMORY', message, path, hint);

/** Its content could be anybody's otherwise, and would run in our guests. */
function ownDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const status = lstatSync(path);
  if (!status.isDirectory() || status.uid !== process.getuid?.() || (status.mode & 0o022) !== 0) {
    throw refused(path, 'others can write here', 'remove it, or make it yours with mode 0700');
  }
}

const inodeAt = (path: string): number => statSync(path, { throwIfNoEntry: false })?.ino ?? -1;

/** Opens the file with our lock on it, made if need be. */
function openLocked(path: string): number {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    // The last one of before may be removing it just now.
    if (lockFile(fd, 'shared') && inodeAt(path) === fstatSync(fd).ino) return fd;
    closeSync(fd);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MILLIS);
  }
  throw refused(path, 'somebody else holds it', 'which process has it open? see fuser(1)');
}

/** Removes a file that nobody but us holds. */
function removeUnused(path: string, fd: number): void {
  if (lockFile(fd, 'exclusive') && inodeAt(path) === fstatSync(fd).ino) unlinkSync(path);
}

/** What crashed pagers left behind. */
function sweep(directory: string, keep: string): void {
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    if (path === keep || !lstatSync(path, { throwIfNoEntry: false })?.isFile()) continue;
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      removeUnused(path, fd);
    } finally {
      closeSync(fd);
    }
  }
}

export class SharedPages {
  /** Of the file; a duplicate of it keeps the lock. */
  readonly fd: number;
  /** Our mapping, only ever a destination: touching a page that is missing would wait for ourselves. */
  readonly address: number;
  readonly inode: number;
  readonly #path: string;
  readonly #mapping: Mapping;
  readonly #userFaultFd: UserFaultFd;
  #open = true;

  private constructor(fd: number, path: string, bytes: number) {
    this.fd = fd;
    this.#path = path;
    this.inode = fstatSync(fd).ino;
    this.#mapping = mapShared(fd, bytes);
    this.address = this.#mapping.address;
    this.#userFaultFd = createUserFaultFd();
    try {
      this.#userFaultFd.register(this.address, bytes);
    } catch (error) {
      this.close();
      throw refused(
        path,
        `not a file in memory: ${(error as Error).message}`,
        'it must be on tmpfs, as /dev/shm is',
      );
    }
  }

  /** @param bytes of the memory @throws PagerError SHARED_MEMORY */
  static open(path: string, bytes: number): SharedPages {
    const directory = dirname(path);
    ownDirectory(directory);
    if (directory === SHARED_DIRECTORY) sweep(directory, path);
    const fd = openLocked(path);
    const { size } = fstatSync(fd);
    if (size === 0) ftruncateSync(fd, bytes);
    else if (size !== bytes) {
      closeSync(fd);
      throw refused(
        path,
        `it has ${size} bytes, the memory ${bytes}`,
        'it belongs to another snapshot; let sharedPathFor name it',
      );
    }
    return new SharedPages(fd, path, bytes);
  }

  /** That of a predecessor, with its lock. */
  static adopt(fd: number, path: string, bytes: number): SharedPages {
    return new SharedPages(fd, path, bytes);
  }

  /** The userfaultfd that {@link address} is registered with. */
  get uffd(): number {
    return this.#userFaultFd.fd;
  }

  /** Lets go of it; the last one removes the file. What VMMs have mapped stays theirs. Idempotent. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#userFaultFd.close();
    this.#mapping.unmap();
    removeUnused(this.#path, this.fd);
    closeSync(this.fd);
  }
}

/** Makes sure that the VMM maps what we fill, or that neither is the case. */
export function checkShared(
  shared: SharedPages | undefined,
  regions: readonly HandshakeRegion[],
): void {
  for (const { sharedInode } of regions) {
    if (sharedInode === shared?.inode) continue;
    if (shared === undefined) {
      throw new PagerError(
        'SHARED_MEMORY',
        'the VMM maps memory that clones share, the pager was not told of any',
        'handshake',
        'unset REKINDLE_UFFD_SHARED, or give the pager the same file',
      );
    }
    throw new PagerError(
      'SHARED_MEMORY',
      sharedInode === undefined
        ? 'the VMM did not map the memory that clones are to share'
        : 'the VMM maps other shared memory than the pager was given',
      'handshake',
      'only a VMM with our preload library and REKINDLE_UFFD_SHARED does; Firecracker’s memory is private: clones of it share with the policy file',
    );
  }
}
