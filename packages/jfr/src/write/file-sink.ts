// SPDX-License-Identifier: Apache-2.0
/// <reference types="node" />
import { closeSync, fstatSync, openSync, writeSync } from 'node:fs';
import type { RecordingSink } from './recording-sink.ts';

/** A sink that is a file. */
export interface FileSink extends RecordingSink {
  readonly fd: number;
  close(): void;
}

/** Creates (or empties) a file as a sink; `mode` as for open(2), before umask. */
export function openFileSink(path: string, mode = 0o644): FileSink {
  return fdSink(openSync(path, 'w+', mode));
}

/**
 * A sink over an open file descriptor, appending at the file's end as it is now. Writes are positional,
 * synchronous and whole; errors are those of pwrite(2). The sink owns the descriptor from here on.
 */
export function fdSink(fd: number): FileSink {
  let length = fstatSync(fd).size;
  let open = true;
  return {
    fd,
    get length(): number {
      return length;
    },
    append(bytes: Uint8Array): void {
      writeAll(fd, bytes, length);
      length += bytes.length;
    },
    patch: (offset, bytes) => writeAll(fd, bytes, offset),
    close(): void {
      if (open) closeSync(fd);
      open = false;
    },
  };
}

function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(fd, bytes, done, bytes.length - done, position + done);
  }
}
