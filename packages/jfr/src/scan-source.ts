// SPDX-License-Identifier: Apache-2.0
// Scans the events of a chunk through a window, so that a chunk of any size passes through a few
// megabytes of memory.
import type { ByteSource } from '@rekindle/bytes';
import { EventBatch, type ScanStop, scanEvents } from './scan.ts';
import type { ScanMemory } from './scan-wasm.ts';

/** Bytes in memory at a time: what the second cache holds. */
const WINDOW: number = 1 << 18;
/** Size and type id take this many bytes at most. */
const MAX_HEAD = 18;
/** The longest event that HotSpot writes: its size has four bytes of seven bits. */
const MAX_EVENT: number = 2 ** 28;

/** Scans what is in the window. */
export interface Scanner {
  /**
   * Scans events from `at` to `end`, as far as they are whole, and returns where to go on: not at `at`
   * unless it set `stop`. `base` is where in the source the bytes begin; they change after the call.
   */
  scan(bytes: Uint8Array, at: number, end: number, base: number): number;
  readonly stop: ScanStop | undefined;
}

/** A scanner that hands on the events in batches, of `capacity` events where that is given. */
export function batchScanner(
  listen: (bytes: Uint8Array, batch: EventBatch, base: number) => void,
  capacity?: number,
): Scanner {
  const batch = new EventBatch(capacity);
  return {
    get stop(): ScanStop | undefined {
      return batch.stop;
    },
    scan(bytes, at, end, base): number {
      const next = scanEvents(bytes, at, end, batch);
      if (batch.count > 0) listen(bytes, batch, base);
      return next;
    },
  };
}

/**
 * Scans the events of a source from `start` to `end`. Returns why and where (in the source) it stopped,
 * if it did. `window` is how many bytes are in memory at a time, 18 at least; they are in `memory` where
 * that is given.
 */
export async function scanSource(
  source: ByteSource,
  start: number,
  end: number,
  scanner: Scanner,
  memory?: ScanMemory,
  window: number = WINDOW,
): Promise<ScanStop | undefined> {
  const reads = source.read !== undefined;
  const roomFor = (length: number): Uint8Array =>
    memory?.reserve(length) ?? new Uint8Array(reads ? length : 0);
  let room = roomFor(Math.min(window, end - start));
  let position = start;
  let wanted = window;
  while (position < end) {
    const length = Math.min(wanted, end - position) | 0;
    const pending = bytesAt(source, position, length, room);
    const bytes = pending instanceof Uint8Array ? pending : await pending;
    wanted = window;
    let at = 0;
    while (at < length) {
      at = scanner.scan(bytes, at, length, position);
      const { stop } = scanner;
      if (stop === undefined) continue;
      const left = end - position - at;
      const cutHead = !(length - at >= MAX_HEAD);
      const cut = position + length < end && (cutHead || stop.size <= left);
      if (!cut || !(at > 0 || cutHead || stop.size > length) || stop.size > MAX_EVENT) {
        return stop.moved(position + at - stop.offset);
      }
      // the event goes on behind the window: begin again with it
      if (stop.size > window && stop.size <= left) {
        wanted = stop.size;
        if (wanted > room.length) room = roomFor(wanted);
      }
      break;
    }
    position += at;
  }
  return undefined;
}

/** Bytes of the source: in the room where they fit, or its own. */
function bytesAt(
  source: ByteSource,
  position: number,
  length: number,
  room: Uint8Array,
): Uint8Array | Promise<Uint8Array> {
  const fits = length <= room.length;
  if (source.read !== undefined) {
    const bytes = fits ? room.subarray(0, length) : new Uint8Array(length);
    const pending = source.read(position, bytes);
    return pending === undefined ? bytes : pending.then(() => bytes);
  }
  const slice = source.slice(position, position + length);
  const place = (bytes: Uint8Array): Uint8Array => {
    if (!fits) return bytes;
    room.set(bytes);
    return room.subarray(0, length);
  };
  return slice instanceof Uint8Array ? place(slice) : slice.then(place);
}
