// SPDX-License-Identifier: Apache-2.0
// Bytes of a chunk that may have been released for the next one: see ChunksOptions.reuse.
import { JfrError } from './error.ts';

/** The bytes, if they are still there. A chunk has its header at least; one that was released, nothing. */
export function held(bytes: Uint8Array): Uint8Array {
  if (bytes.length > 0) return bytes;
  throw new JfrError(
    'JFR_RELEASED',
    'the chunk was released when the next one was asked for',
    {},
    'read what you need of a chunk before you go on, or do not ask for reuse',
  );
}
