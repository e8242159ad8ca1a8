// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import type { Chunk } from './chunks.ts';
import { RecorderError } from './error.ts';
import { reason } from './file-sink.ts';

const BLOCK = 1 << 20;

/**
 * Writes chunks one after the other into a file, which appears under its name when it is whole. Throws
 * RecorderError RECORDER_IO.
 */
export function concatenate(chunks: readonly Chunk[], path: string): void {
  const temporary = `${path}.${process.pid}.part`;
  const block = new Uint8Array(BLOCK);
  try {
    const target = openSync(temporary, 'w', 0o600);
    try {
      for (const chunk of chunks) append(chunk.path, target, block);
    } finally {
      closeSync(target);
    }
    renameSync(temporary, path);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw new RecorderError('RECORDER_IO', `cannot write ${path}: ${reason(cause)}`, {
      path,
      cause,
      hint: 'the data are still in the repository; dump them to another file',
    });
  }
}

function append(from: string, target: number, block: Uint8Array): void {
  const source = openSync(from, 'r');
  try {
    for (;;) {
      const count = readSync(source, block, 0, block.length, null);
      if (count === 0) return;
      for (let done = 0; done < count; ) done += writeSync(target, block, done, count - done);
    }
  } finally {
    closeSync(source);
  }
}
