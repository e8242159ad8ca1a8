// SPDX-License-Identifier: Apache-2.0
// The checkpoints of a chunk hang together: the header points at the last, each points at the one before
// it. All of them are found by walking the events anyway; the chain is checked, and its places are known
// event boundaries where a walk that lost its way can begin again.
import { ByteError } from '@rekindle/bytes';
import { JfrError } from './error.ts';
import { HEADER_SIZE } from './header.ts';
import { readCheckpointHead } from './pool.ts';

export interface CheckpointChain {
  /** Offsets of the checkpoints met, from the last to the first. */
  readonly offsets: readonly number[];
  /** What is wrong with the chain (offset within the bytes). */
  readonly error: JfrError | undefined;
}

/** Follows the chain from the header's position; 0 = no checkpoint yet. */
export function followChain(bytes: Uint8Array, last: number): CheckpointChain {
  const seen = new Set<number>();
  const end = (error?: JfrError): CheckpointChain => ({ offsets: [...seen], error });
  let at = last;
  let from = 16; // the header's field
  if (at === 0) return end();
  for (;;) {
    if (at < HEADER_SIZE || at >= bytes.length) {
      const reason = `checkpoint at ${at}, outside the chunk`;
      return end(new JfrError('JFR_BAD_POINTER', reason, { offset: from }));
    }
    if (seen.has(at)) {
      const reason = `checkpoints point at each other in a circle`;
      return end(new JfrError('JFR_CYCLIC_CHECKPOINTS', reason, { offset: from }));
    }
    try {
      const { delta } = readCheckpointHead(bytes, at);
      seen.add(at);
      if (delta === 0) return end();
      from = at;
      at += delta;
    } catch (error) {
      if (error instanceof JfrError) return end(error);
      if (error instanceof ByteError) {
        return end(new JfrError('JFR_BAD_CHECKPOINT', error.message, { offset: at }));
      }
      throw error;
    }
  }
}
