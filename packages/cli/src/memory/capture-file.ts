// SPDX-License-Identifier: Apache-2.0
import { renameSync, rmSync } from 'node:fs';
import { openFileSink } from '@rekindle/jfr/node';
import { type GuestMemory, writeCapture } from '@rekindle/memory';
import { FileError } from '../file-error.ts';

/** Writes a capture as a recording of its own, dated now; aside first, so that it is whole or not there. */
export function writeCaptureFile(path: string, memory: GuestMemory): void {
  const aside = `${path}.tmp-${process.pid}`;
  FileError.wrap(path, () => {
    try {
      const sink = openFileSink(aside);
      try {
        writeCapture(sink, memory, { ticks: process.hrtime.bigint() });
      } finally {
        sink.close();
      }
      renameSync(aside, path);
    } catch (error) {
      rmSync(aside, { force: true });
      throw error;
    }
  });
}
