// SPDX-License-Identifier: Apache-2.0
import { accessSync, constants, statfsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** What went wrong, as a word a program can test for. The README lists each with its meaning. */
export type MicrovmErrorCode =
  | 'BAD_SPEC'
  | 'VM_EXISTS'
  | 'VM_NOT_FOUND'
  | 'SOCKET_PATH_TOO_LONG'
  | 'PORT_TAKEN'
  | 'VMM_MISSING'
  | 'VMM_FAILED'
  | 'VMM_GONE'
  | 'VMM_REFUSED'
  | 'VMM_TIMEOUT'
  | 'ACCELERATOR'
  | 'BOOT_HUNG'
  | 'GUEST_PANIC'
  | 'NO_RESPONSE'
  | 'SNAPSHOT_EXISTS'
  | 'SNAPSHOT_INCOMPLETE'
  | 'SNAPSHOT_FOREIGN'
  | 'SNAPSHOT_DAMAGED'
  | 'SNAPSHOT_MISMATCH'
  | 'DISK_FULL'
  | 'PERMISSION'
  | 'PAGER_FAILED'
  | 'NO_HANDSHAKE';

/** An error of this package: what failed (message), where (place), and what to do (hint). */
export class MicrovmError extends Error {
  readonly code: MicrovmErrorCode;
  /** A path, a command or a field of a manifest. */
  readonly place: string | undefined;
  /** One sentence: what the user can do about it. */
  readonly hint: string | undefined;

  constructor(
    code: MicrovmErrorCode,
    message: string,
    details: { place?: string | undefined; hint?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'MicrovmError';
    this.code = code;
    this.place = details.place;
    this.hint = details.hint;
  }
}

/** The errno name of a Node system error (`ENOSPC`), or undefined for any other value. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

/** True when the file system of `path` has no room left for anything that matters. */
export function isDiskFull(path: string): boolean {
  try {
    const { bavail, bsize, ffree, files } = statfsSync(path);
    return bavail * bsize < 1024 * 1024 || (files > 0 && ffree === 0);
  } catch {
    return false;
  }
}

/** The error for a file system without room. */
export function diskFull(doing: string, path: string, cause?: unknown): MicrovmError {
  return new MicrovmError('DISK_FULL', `no space left while ${doing}: ${path}`, {
    place: path,
    hint: 'free some space on that file system, or name a directory on another one',
    cause,
  });
}

/** Turns a failed file operation into the error a user can act on; anything unknown comes back as it was. */
export function explainFileError(error: unknown, doing: string, path: string): unknown {
  switch (errnoOf(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return diskFull(doing, path, error);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new MicrovmError('PERMISSION', `not allowed while ${doing}: ${path}`, {
        place: path,
        hint: 'check owner and mode of that path, or name another one',
        cause: error,
      });
    default:
      return error;
  }
}

/** Refuses a file that could not be written in the end, before the work for it begins. */
export function requireWritable(path: string): void {
  const directory = dirname(resolve(path));
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new MicrovmError('BAD_SPEC', `cannot write ${path}`, {
      place: directory,
      hint: 'name a directory that exists and may be written',
      cause: error,
    });
  }
}
