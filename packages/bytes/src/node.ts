// SPDX-License-Identifier: Apache-2.0
/// <reference types="node" />
// The part of the package that needs Node.js: files.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { ByteError } from './error.ts';
import { type ByteSource, checkSlice } from './source.ts';

/** A file as a byte source. Reads are positional and synchronous: a local file answers from memory. */
export interface FileSource extends ByteSource {
  readonly path: string;
  slice(start: number, end: number): Uint8Array;
  read(start: number, target: Uint8Array): void;
  /** Length of the file now; `byteLength` is the length when it was opened or last refreshed. */
  refresh(): number;
  close(): void;
}

/** Opens a file for reading. Throws the error of `open(2)` when that fails, EISDIR for a directory. */
export function openFileSource(path: string): FileSource {
  const fd = openSync(path, 'r');
  const status = fstatSync(fd);
  if (status.isDirectory()) {
    closeSync(fd);
    throw Object.assign(new Error(`EISDIR: illegal operation on a directory, open '${path}'`), {
      code: 'EISDIR',
      syscall: 'open',
      path,
    });
  }
  let open = true;
  let byteLength = status.size;
  const fill = (start: number, bytes: Uint8Array): void => {
    let filled = 0;
    while (filled < bytes.length) {
      const count = readSync(fd, bytes, filled, bytes.length - filled, start + filled);
      if (count === 0) {
        throw new ByteError(
          'BYTES_TRUNCATED',
          `${path} became shorter while it was read`,
          start + filled,
        );
      }
      filled += count;
    }
  };
  return {
    path,
    get byteLength(): number {
      return byteLength;
    },
    slice(start: number, end: number): Uint8Array {
      checkSlice(start, end, byteLength);
      const bytes = new Uint8Array(end - start);
      fill(start, bytes);
      return bytes;
    },
    read(start: number, target: Uint8Array): void {
      checkSlice(start, start + target.length, byteLength);
      fill(start, target);
    },
    refresh(): number {
      byteLength = fstatSync(fd).size;
      return byteLength;
    },
    close(): void {
      if (open) closeSync(fd);
      open = false;
    },
  };
}
