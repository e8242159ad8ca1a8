// SPDX-License-Identifier: Apache-2.0
// The recording of one restore: who owned the pages, what the host did, what the pager did - chunks
// one after the other in one file.
import { renameSync, rmSync } from 'node:fs';
import { bufferSource } from '@rekindle/bytes';
import { openFileSource } from '@rekindle/bytes/node';
import { joinRecordings, memorySink } from '@rekindle/jfr';
import { openFileSink } from '@rekindle/jfr/node';
import { type GuestMemory, writeCapture } from '@rekindle/memory';
import type { ClockPair } from '@rekindle/recorder';
import { FileError } from './file-error.ts';

export interface RunParts {
  /** Recordings of the host side and of the pager. */
  readonly recordings: readonly string[];
  readonly memory?: GuestMemory | undefined;
  /** When the restore began. */
  readonly start: ClockPair;
}

/** Writes the run to `path`, aside first; a file of that name is replaced when the new one is whole. */
export async function writeRun(path: string, parts: RunParts): Promise<void> {
  const aside = `${path}.tmp-${process.pid}`;
  const sources = parts.recordings.map((file) => openFileSource(file));
  try {
    const sink = FileError.wrap(aside, () => openFileSink(aside));
    try {
      await joinRecordings([...captureOf(parts), ...sources], sink);
    } finally {
      sink.close();
    }
    renameSync(aside, path);
  } catch (error) {
    rmSync(aside, { force: true });
    throw error;
  } finally {
    for (const source of sources) source.close();
  }
}

/** The capture, dated at the start of the run: what was known of the memory when the restore began. */
function captureOf({ memory, start }: RunParts): ReturnType<typeof bufferSource>[] {
  if (!memory) return [];
  const sink = memorySink();
  writeCapture(sink, memory, { ticks: start.ticks, startNanos: start.epochNanos });
  return [bufferSource(sink.bytes())];
}
