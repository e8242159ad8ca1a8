// SPDX-License-Identifier: Apache-2.0

/** Why a kernel, an image or one of their parts could not be made. */
export type BuildErrorCode =
  | 'DISK_FULL'
  | 'TOOL_MISSING'
  | 'COMMAND_FAILED'
  | 'PACKAGE_MISSING'
  | 'MODULE_MISSING'
  | 'ABORTED'
  | 'INPUT';

/** `place` is a command line, a file or a package; `hint` says what to do about it. */
export class BuildError extends Error {
  readonly code: BuildErrorCode;
  readonly place: string;
  readonly hint: string;

  constructor(code: BuildErrorCode, message: string, place: string, hint: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'BuildError';
    this.code = code;
    this.place = place;
    this.hint = hint;
  }
}

/** The one error for a full disk, whoever noticed it: `noticed` is a file or a tool's name. */
export function diskFull(noticed: string, place: string, cause?: unknown): BuildError {
  return new BuildError(
    'DISK_FULL',
    `no space left on device (${noticed})`,
    place,
    'Free about 2 GiB, or put the cache elsewhere with XDG_CACHE_HOME (and temporary files with TMPDIR).',
    cause,
  );
}

/** Turns Node's ENOSPC and EDQUOT into {@link diskFull}; hands anything else back as it came. */
export function explainDiskFull(error: unknown, place: string): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (error instanceof BuildError || (code !== 'ENOSPC' && code !== 'EDQUOT')) return error;
  const path = (error as NodeJS.ErrnoException).path ?? place;
  return diskFull(path, path, error);
}
