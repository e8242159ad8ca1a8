// SPDX-License-Identifier: Apache-2.0

/** What to do about an error of the system, whatever was being done. */
export const SYSTEM_HINTS: Readonly<Record<string, string>> = {
  EACCES: 'check who may read and write there',
  EDQUOT: 'make room within your quota, or name a place on another disk',
  ENOSPC: 'make room on that disk, or name a place on another one',
  ENOTDIR: 'a directory in the path is a file: check the path',
  EROFS: 'name a place that can be written to',
};

const HINTS: Readonly<Record<string, string>> = {
  ...SYSTEM_HINTS,
  ENOENT: 'check the path',
  EACCES: 'check who may read it',
  EISDIR: 'name a file in it',
};

/** A file that could not be used, with its path and what to do. */
export class FileError extends Error {
  readonly code: string;
  readonly path: string;
  readonly hint: string | undefined;

  constructor(path: string, code: string, reason: string, hint?: string) {
    super(`${path}: ${reason}`);
    this.name = 'FileError';
    this.code = code;
    this.path = path;
    this.hint = hint;
  }

  /** Runs a file operation; its system error comes back with the path and a hint. */
  static wrap<T>(path: string, use: () => T): T {
    try {
      return use();
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      const reason = message.replace(/^[A-Z]+: /, '').replace(/, .*$/, '');
      throw new FileError(path, code, reason, HINTS[code]);
    }
  }
}
