// SPDX-License-Identifier: Apache-2.0
// Steps from event to event: `size · typeId`, the payload skipped. The one loop that every event of
// every recording passes through.
import type { JfrErrorCode } from './error.ts';

/** Why a scan ended before the end of what it was given. */
export interface ScanStop {
  readonly code: JfrErrorCode;
  /** Offset of the event that could not be stepped over, from the start of the bytes. */
  readonly offset: number;
  /** What the event says its size is; NaN when that itself is cut off. */
  readonly size: number;
  readonly reason: string;
}

/** Events per batch: what fits the first cache. */
const BATCH = 2048;

/** The events last scanned. */
export class EventBatch {
  readonly offsets: Float64Array = new Float64Array(BATCH + 1);
  readonly typeIds: Float64Array = new Float64Array(BATCH);
  /** Events in the batch; `offsets[count]` is the end of the last. */
  count = 0;
  /** Set when the scan cannot go on. */
  stop: ScanStop | undefined;
}

/**
 * Scans events from `start` into the batch until it is full, `end` is reached, or an event has no size
 * or reaches beyond `end`. Returns where to go on.
 */
export function scanEvents(
  bytes: Uint8Array,
  start: number,
  end: number,
  batch: EventBatch,
): number {
  const { offsets, typeIds } = batch;
  let position = start;
  let count = 0;
  batch.stop = undefined;
  while (position < end && count < BATCH) {
    const offset = position;
    let size = bytes[position++]!;
    if (size > 127) {
      let byte = bytes[position++]!;
      size = (size & 127) | ((byte & 127) << 7);
      if (byte > 127) {
        byte = bytes[position++]!;
        size |= (byte & 127) << 14;
        if (byte > 127) {
          byte = bytes[position++]!;
          size |= (byte & 127) << 21;
          if (byte > 127) {
            size = longVarint(bytes, offset);
            position = varintEnd(bytes, offset);
          }
        }
      }
    }
    let typeId = bytes[position++]!;
    if (typeId > 127) {
      const byte = bytes[position++]!;
      typeId = (typeId & 127) | ((byte & 127) << 7);
      if (byte > 127) {
        typeId = longVarint(bytes, position - 2);
        position = varintEnd(bytes, position - 2);
      }
    }
    // also refuses a size that is no number, and an event smaller than its own size and type
    if (!(position <= offset + size && size <= end - offset)) {
      batch.stop = stopAt(offset, size, end);
      break;
    }
    offsets[count] = offset;
    typeIds[count++] = typeId;
    position = offset + size;
  }
  batch.count = count;
  const next = batch.stop === undefined ? position : batch.stop.offset;
  offsets[count] = next;
  return next;
}

function stopAt(offset: number, size: number, end: number): ScanStop {
  if (size > end - offset) {
    const reason = `event of ${size} bytes where ${end - offset} are left`;
    return { code: 'JFR_BAD_EVENT_SIZE', offset, size, reason };
  }
  const reason = `event of size ${size}`;
  return { code: 'JFR_EMPTY_EVENT', offset, size, reason };
}

/** An unsigned varint as a number; exact below 2^53, large beyond. */
function longVarint(bytes: Uint8Array, at: number): number {
  let value = 0;
  let scale = 1;
  for (let index = 0; index < 9; index++) {
    const byte = bytes[at + index]!;
    value += (index === 8 ? byte : byte & 127) * scale;
    if (!(byte > 127)) break;
    scale *= 128;
  }
  return value;
}

function varintEnd(bytes: Uint8Array, at: number): number {
  let end = at;
  while (end < at + 8 && bytes[end]! > 127) end++;
  return end + 1;
}
