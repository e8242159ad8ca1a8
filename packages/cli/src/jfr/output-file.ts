// SPDX-License-Identifier: Apache-2.0
// A file that a command makes: written aside, renamed when whole, never over something that was there.
import { existsSync, renameSync, rmSync } from 'node:fs';
import { type FileSink, openFileSink } from '@rekindle/jfr/node';
import { FileError } from '../file-error.ts';

/** Writes `path` with `write`; on failure nothing stays. Throws EEXIST unless `force`. */
export async function writeFileAside<T>(
  path: string,
  force: boolean,
  write: (sink: FileSink) => Promise<T>,
): Promise<T> {
  if (!force && existsSync(path)) {
    throw new FileError(path, 'EEXIST', 'exists already', 'choose another name, or add --force');
  }
  const aside = `${path}.tmp-${process.pid}`;
  try {
    const sink = FileError.wrap(path, () => openFileSink(aside));
    try {
      const result = await write(sink);
      sink.close();
      renameSync(aside, path);
      return result;
    } finally {
      sink.close();
    }
  } catch (error) {
    rmSync(aside, { force: true });
    throw error;
  }
}
