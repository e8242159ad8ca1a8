// SPDX-License-Identifier: Apache-2.0
// What a command says when it could not read all of a recording.
import type { JfrError, Loss, Recording } from '@rekindle/jfr';

/** Exit status of a command that did its work on a damaged recording, with what is whole of it. */
export const READ_WITH_LOSSES = 3;

const SHOWN = 5;

/** Tells of the damage of a recording, if there is some; a chunk still being written is none. */
export function tellOfLosses(path: string, recording: Recording): void {
  const damage = recording.losses.filter((loss) => !isLiveTail(loss, recording));
  if (damage.length < recording.losses.length) {
    process.stderr.write(`note: ${path} is still being written, or its writer died\n`);
  }
  if (damage.length === 0) return;
  process.exitCode = READ_WITH_LOSSES;
  const bytes = damage.reduce((sum, loss) => sum + loss.bytes, 0);
  process.stderr.write(`warning: ${path} is damaged: ${bytes} bytes could not be read\n`);
  for (const { chunk, offset, what, reason } of damage.slice(0, SHOWN)) {
    process.stderr.write(`  chunk ${chunk}, offset ${offset}: ${what}: ${reason}\n`);
  }
  if (damage.length > SHOWN) process.stderr.write(`  and ${damage.length - SHOWN} more\n`);
  process.stderr.write('  rekindle jfr repair IN OUT writes what is whole to a new file\n');
}

/** Tells of an event that a printer has left out. */
export function tellOfEvent({ message }: JfrError): void {
  process.exitCode = READ_WITH_LOSSES;
  process.stderr.write(`warning: left out ${message}\n`);
}

/**
 * Whether a loss only says that the last chunk is not finished: all that its header vouches for is there,
 * and what comes behind that may be torn.
 */
function isLiveTail({ chunk, offset, code }: Loss, { places }: Recording): boolean {
  const last = places.at(-1);
  if (last === undefined || chunk !== last.index || last.header.state === 0) return false;
  if (last.header.size > last.bytes) return false;
  return code === 'JFR_UNFINISHED_CHUNK' || offset >= last.offset + last.header.size;
}
