// SPDX-License-Identifier: Apache-2.0
// Recordings that are still being written, or repository directories of them.
import { statSync } from 'node:fs';
import { type Chunk, type PrintOptions, printEvents } from '@rekindle/jfr';
import { followRecording, followRepository } from '@rekindle/jfr/node';
import { FileError } from '../file-error.ts';
import { writeOut } from '../output.ts';

/** What is added to a file or a repository, until it is finished or the user interrupts. */
export function followInput(path: string, from?: bigint): AsyncGenerator<Chunk> {
  const isDirectory = FileError.wrap(path, () => statSync(path)).isDirectory();
  const abort = new AbortController();
  process.once('SIGINT', () => abort.abort());
  const options = { signal: abort.signal, ...(from === undefined ? {} : { from }) };
  return isDirectory ? followRepository(path, options) : followRecording(path, options);
}

/** Prints each part when it comes: nothing is held back to bring the parts in order. */
export async function printParts(
  parts: AsyncIterable<Chunk>,
  options: Omit<PrintOptions, 'format'>,
): Promise<void> {
  for await (const part of parts) {
    await printEvents([part], { ...options, format: 'text' }, writeOut);
  }
}
