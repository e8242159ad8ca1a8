// SPDX-License-Identifier: Apache-2.0
// Scans the events of a chunk through a window, so that a chunk of any size passes through a few
// megabytes of memory.
import type { ByteSource } from '@rekindle/bytes';
import { EventBatch, type ScanStop, scanEvents } from './scan.ts';

/** Bytes in memory at a time: more than the caches hold gains nothing. */
const WINDOW = 1 << 20;
/** Size and type id take this many bytes at most. */
const MAX_HEAD = 18;

/** Hears of a batch: the window's bytes and where in the source they begin. Valid until it returns. */
export type BatchListener = (bytes: Uint8Array, batch: EventBatch, base: number) => void;

/**
 * Scans the events of a source from `start` to `end`. Returns why and where (in the source) it stopped,
 * if it did.
 */
export async function scanSource(
  source: ByteSource,
  start: number,
  end: number,
  listen: BatchListener,
): Promise<ScanStop | undefined> {
  const batch = new EventBatch();
  let room = new Uint8Array(source.read === undefined ? 0 : Math.min(WINDOW, end - start));
  let position = start;
  let wanted = WINDOW;
  while (position < end) {
    const length = Math.min(wanted, end - position);
    let bytes: Uint8Array;
    if (source.read === undefined) {
      bytes = await source.slice(position, position + length);
    } else {
      if (room.length < length) room = new Uint8Array(length);
      bytes = room.subarray(0, length);
      await source.read(position, bytes);
    }
    wanted = WINDOW;
    let at = 0;
    while (at < length) {
      at = scanEvents(bytes, at, length, batch);
      if (batch.count > 0) listen(bytes, batch, position);
      const { stop } = batch;
      if (stop === undefined) continue;
      const left = end - position - at;
      const cutHead = !(length - at >= MAX_HEAD);
      const cut = position + length < end && (cutHead || stop.size <= left);
      if (!cut || !(at > 0 || cutHead || stop.size > length)) {
        return { ...stop, offset: position + at };
      }
      // the event goes on behind the window: begin again with it
      if (stop.size > WINDOW && stop.size <= left) wanted = stop.size;
      break;
    }
    position += at;
  }
  return undefined;
}
