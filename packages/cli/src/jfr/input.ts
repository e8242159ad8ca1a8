// SPDX-License-Identifier: Apache-2.0
// Opens the recording that a `rekindle jfr` command was given, forgiving damage but never in silence.
import type { FileSource } from '@rekindle/bytes/node';
import { openRecording, type Recording } from '@rekindle/jfr';
import { FileError } from '../file-error.ts';
import { tellOfLosses } from './losses.ts';
import { openSource } from './source.ts';

export interface Input {
  readonly recording: Recording;
  /**
   * Says on stderr what could not be read, and makes the exit status say so too; call it when the reading
   * is over.
   */
  warnOfLosses(): void;
  close(): void;
}

/**
 * Opens a file, or standard input for `-`; either may be packed. Throws FileError with what to do when
 * it cannot be opened, or has no chunk.
 */
export async function openInput(path: string): Promise<Input> {
  return await inputOf(path, await openSource(path));
}

/** Reads an open file; closes it when it is no recording. */
export async function inputOf(path: string, source: FileSource): Promise<Input> {
  try {
    const recording = await openRecording(source, { mode: 'salvage' });
    if (recording.places.length === 0) {
      throw new FileError(path, 'ENORECORDING', 'not a flight recording', 'name a .jfr file');
    }
    return {
      recording,
      warnOfLosses: () => tellOfLosses(path, recording),
      close: () => source.close(),
    };
  } catch (error) {
    source.close();
    throw error;
  }
}
