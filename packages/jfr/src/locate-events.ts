// SPDX-License-Identifier: Apache-2.0
// Finds the events of a chunk, around what is damaged.
import { followChain } from './checkpoint-chain.ts';
import { EventIndex } from './event-index.ts';
import type { Damage } from './loss.ts';

export interface EventPlaces {
  /** Where the events begin. */
  readonly start: number;
  /** Offset of the metadata event; 0 = not known. */
  readonly metadata: number;
  /** Offset of the last checkpoint; 0 = none, or not known. */
  readonly checkpoint: number;
  readonly damage: Damage;
}

/**
 * The events from `start` on. The places the header and the checkpoints point at are event boundaries:
 * an event that reaches across one lies about its size, and after damage the walk goes on at the next.
 */
export function locateEvents(
  bytes: Uint8Array,
  { start, metadata, checkpoint, damage }: EventPlaces,
): EventIndex {
  const index = new EventIndex();
  const chain = followChain(bytes, checkpoint);
  if (chain.error !== undefined) {
    const error = damage.placed(chain.error, 0);
    damage.report('pointer', error, chain.error.offset ?? 0, 0);
  }
  const anchors = [metadata, ...chain.offsets]
    .filter((offset) => offset > start && offset < bytes.length)
    .sort((a, b) => a - b);
  let position = start;
  for (const end of [...anchors, bytes.length]) {
    if (end === position) continue;
    const stop = index.walk(bytes, position, end);
    if (stop !== undefined) {
      const error = damage.error(stop.code, stop.reason, stop.offset);
      damage.report('events', error, stop.offset, end - stop.offset);
    }
    position = end;
  }
  return index;
}
