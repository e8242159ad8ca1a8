// SPDX-License-Identifier: Apache-2.0
// A pager that died leaves its recording as it was last flushed, about once a second, beside the recording. What is
// whole there becomes part of the one recording of the VM.
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bufferSource } from '@rekindle/bytes';
import {
  decodeHeader,
  HEADER_SIZE,
  joinRecordings,
  openRecording,
  STATE_FINISHED,
  STATE_OFFSET,
} from '@rekindle/jfr';
import { openFileSink } from '@rekindle/jfr/node';

/** Where a pager's recording is until it is complete. */
export const partsDirectory = (recordPath: string): string => `${recordPath}.parts`;

/** The chunk of a file up to its last flush, marked as finished; undefined when nothing was flushed. */
function flushed(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length < HEADER_SIZE) return undefined;
  const size = Number(decodeHeader(bytes.subarray(0, HEADER_SIZE)).size);
  if (size <= HEADER_SIZE || size > bytes.length) return undefined;
  const chunk = bytes.slice(0, size);
  chunk[STATE_OFFSET] = STATE_FINISHED;
  return chunk;
}

async function isWhole(chunk: Uint8Array): Promise<boolean> {
  try {
    const recording = await openRecording(chunk);
    return (await recording.summary()) !== undefined;
  } catch {
    return false;
  }
}

/**
 * Joins what dead pagers recorded with the recording that the last one completed, and removes the
 * parts. @returns how many parts were joined
 */
export async function rescueParts(recordPath: string): Promise<number> {
  const directory = partsDirectory(recordPath);
  if (!existsSync(directory)) return 0;
  const chunks: Uint8Array[] = [];
  for (const file of readdirSync(directory)) {
    const chunk = flushed(readFileSync(join(directory, file)));
    if (chunk !== undefined && (await isWhole(chunk))) chunks.push(chunk);
  }
  chunks.sort((a, b) => Number(decodeHeader(a).startTicks - decodeHeader(b).startTicks));
  if (chunks.length > 0) {
    const sources = chunks.map((chunk) => bufferSource(chunk));
    if (existsSync(recordPath)) sources.push(bufferSource(readFileSync(recordPath)));
    const aside = `${recordPath}.joined`;
    const sink = openFileSink(aside);
    try {
      await joinRecordings(sources, sink);
    } catch (error) {
      rmSync(aside, { force: true });
      throw error;
    } finally {
      sink.close();
    }
    renameSync(aside, recordPath);
  }
  rmSync(directory, { recursive: true, force: true });
  return chunks.length;
}
