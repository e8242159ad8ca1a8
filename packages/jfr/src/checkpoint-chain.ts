// SPDX-License-Identifier: Apache-2.0
// The checkpoints of a chunk hang together: the header points at the last, each points at the one before
// it. All of them are found by walking the events anyway; the chain is only checked.
import { ByteError } from '@rekindle/bytes';
import { JfrError } from './error.ts';
import { HEADER_SIZE } from './header.ts';
import { readCheckpointHead } from './pool.ts';

/**
 * Follows the chain from the header's position; 0 = no checkpoint yet. Returns what is wrong with it
 * (offset within the bytes), or undefined.
 */
export function checkChain(bytes: Uint8Array, last: number): JfrError | undefined {
  let at = last;
  if (at === 0) return undefined;
  for (;;) {
    if (at < HEADER_SIZE || at >= bytes.length) {
      const reason = `checkpoint at ${at}, outside the chunk`;
      return new JfrError('JFR_BAD_POINTER', reason, { offset: 16 });
    }
    try {
      const { delta } = readCheckpointHead(bytes, at);
      if (delta === 0) return undefined;
      if (delta > 0) {
        // positions only fall, so a chain that turns back up could go round for ever
        const reason = `checkpoint points ${delta} bytes ahead`;
        return new JfrError('JFR_CYCLIC_CHECKPOINTS', reason, { offset: at });
      }
      at += delta;
    } catch (error) {
      if (error instanceof JfrError) return error;
      if (error instanceof ByteError) {
        return new JfrError('JFR_BAD_CHECKPOINT', error.message, { offset: at });
      }
      throw error;
    }
  }
}
