// SPDX-License-Identifier: Apache-2.0
// Checkpoints (event type 1) as they are written, and taken apart to be written again.
//
//   size (4 bytes, padded) · 1 · startTicks · duration 0 · delta · mask · poolCount · pools
//   pool := typeId · entryCount · (key · value)×entryCount
import { ByteCursor, ByteError, ByteSink } from '@rekindle/bytes';
import { JfrError } from '../error.ts';
import { type Layouts, valueOp } from '../plan.ts';
import { readCheckpointHead } from '../pool.ts';
import { skipValue } from '../skip.ts';
import type { ClassType } from '../type-model.ts';

export interface CheckpointContent {
  readonly ticks: number | bigint;
  /** Bits: 1 flush, 2 chunk header, 4 statics, 8 thread. */
  readonly mask: number;
  readonly poolCount: number;
  readonly pools: Uint8Array;
}

/** The bytes of a checkpoint at offset `at` of its chunk; `previous` is the offset of the one before. */
export function encodeCheckpoint(
  at: number,
  previous: number,
  { ticks, mask, poolCount, pools }: CheckpointContent,
): Uint8Array<ArrayBuffer> {
  const event = new ByteSink(pools.length + 64);
  const size = event.padded4(0);
  event.varint(1);
  event.long(ticks);
  event.varint(0);
  event.long(previous === 0 ? 0 : previous - at);
  event.u8(mask);
  event.varint(poolCount);
  event.bytes(pools);
  event.patchPadded4(size, event.length);
  return event.view();
}

export interface PoolEntry {
  readonly key: number | bigint;
  /** The value's bytes in the chunk: from `start` to before `end`. */
  readonly start: number;
  readonly end: number;
}

export interface PoolPart {
  readonly type: ClassType;
  readonly entries: readonly PoolEntry[];
}

export interface OpenedCheckpoint {
  readonly ticks: number | bigint;
  readonly mask: number;
  readonly pools: readonly PoolPart[];
  /** Why it could not be read to its end; the entries before are good. */
  readonly error?: JfrError;
}

/** Takes the checkpoint at `offset` of a chunk's bytes apart. Damage is told, not thrown. */
export function openCheckpoint(
  bytes: Uint8Array,
  offset: number,
  layouts: Layouts,
): OpenedCheckpoint {
  const pools: PoolPart[] = [];
  let ticks: number | bigint = 0;
  let mask = 0;
  try {
    const head = readCheckpointHead(bytes, offset);
    mask = head.mask;
    const times = new ByteCursor(bytes, offset, offset + head.size);
    times.varint();
    times.varint();
    ticks = times.long();
    const cursor = new ByteCursor(bytes, head.body, offset + head.size);
    for (let count = 0; count < head.poolCount; count++) {
      const typeId = cursor.varint();
      const type = layouts.types.byId(typeId);
      if (type === undefined) {
        throw new JfrError('JFR_BAD_CHECKPOINT', `pool of class ${typeId}, not declared`, {
          offset: cursor.position,
        });
      }
      const entries: PoolEntry[] = [];
      pools.push({ type, entries });
      const op = valueOp(type);
      for (let left = cursor.varint(); left > 0; left--) {
        const key = cursor.long();
        const start = cursor.position;
        skipValue(op, layouts, cursor);
        // HotSpot's empty classes aside, a value takes a byte: so this ends where the bytes do
        entries.push({ key, start, end: cursor.position });
      }
    }
    return { ticks, mask, pools };
  } catch (error) {
    if (error instanceof ByteError) {
      const reason = new JfrError('JFR_BAD_CHECKPOINT', error.message, { offset: error.offset });
      return { ticks, mask, pools, error: reason };
    }
    if (error instanceof JfrError) return { ticks, mask, pools, error };
    throw error;
  }
}
