// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync, readSync } from 'node:fs';
import { type FileSource, openFileSource } from '@rekindle/bytes/node';
import { FileError } from '../file-error.ts';
import { HEAD, packerOf } from './unpack/packer.ts';

/** Opens a file, standard input (`-`), or what is packed in either. Throws FileError. */
export async function openSource(path: string): Promise<FileSource> {
  if (path === '-') return await (await import('./unpack/spool.ts')).spoolInput();
  const packer = packerOf(FileError.wrap(path, () => headOf(path)));
  return packer === undefined
    ? FileError.wrap(path, () => openFileSource(path))
    : await (await import('./unpack/spool.ts')).spoolFile(path);
}

/** What a file would be called unpacked: names of files made from it begin so. */
export function plainName(path: string): string {
  return path === '-' ? 'recording.jfr' : path.replace(/\.(gz|zst|lz4|zip)$/i, '');
}

function headOf(path: string): Uint8Array {
  const fd = openSync(path, 'r');
  try {
    const head = new Uint8Array(HEAD);
    return head.subarray(0, readSync(fd, head, 0, HEAD, 0));
  } finally {
    closeSync(fd);
  }
}
