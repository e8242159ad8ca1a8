// SPDX-License-Identifier: Apache-2.0
// Opens the recording that a `rekindle jfr` command was given, forgiving damage but never in silence.
import { openFileSource } from '@rekindle/bytes/node';
import { openRecording, type Recording } from '@rekindle/jfr';
import { FileError } from '../file-error.ts';

export interface Input {
  readonly recording: Recording;
  /** Says on stderr what could not be read; call it when the reading is over. */
  warnOfLosses(): void;
  close(): void;
}

/** Throws FileError with what to do when the file cannot be opened or is no recording at all. */
export async function openInput(path: string): Promise<Input> {
  const source = FileError.wrap(path, () => openFileSource(path));
  try {
    const recording = await openRecording(source, { mode: 'salvage' });
    return {
      recording,
      warnOfLosses: () => warn(path, recording),
      close: () => source.close(),
    };
  } catch (error) {
    source.close();
    throw error;
  }
}

const SHOWN = 5;

function warn(path: string, recording: Recording): void {
  const { losses } = recording;
  if (losses.length === 0) return;
  const bytes = losses.reduce((sum, loss) => sum + loss.bytes, 0);
  process.stderr.write(`warning: ${path} is damaged: ${bytes} bytes could not be read\n`);
  for (const { chunk, offset, what, reason } of losses.slice(0, SHOWN)) {
    process.stderr.write(`  chunk ${chunk}, offset ${offset}: ${what}: ${reason}\n`);
  }
  if (losses.length > SHOWN) process.stderr.write(`  and ${losses.length - SHOWN} more\n`);
  process.stderr.write('  rekindle jfr repair IN OUT writes what is whole to a new file\n');
}
