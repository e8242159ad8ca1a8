// SPDX-License-Identifier: Apache-2.0
// Steps from event to event: `size · typeId`, the payload skipped. The one loop that every event of
// every recording passes through.
import type { JfrErrorCode } from './error.ts';
import { skipVarint } from './string-encoding.ts';

/** Why a scan ended before the end of what it was given. Most are windows that end within an event. */
export class ScanStop {
  /** Offset of the event that could not be stepped over, from the start of the bytes. */
  readonly offset: number;
  /** What the event says its size is; NaN when that itself is cut off. */
  readonly size: number;
  /** Bytes from the event on. */
  readonly #left: number;

  constructor(offset: number, size: number, left: number) {
    this.offset = offset;
    this.size = size;
    this.#left = left;
  }

  get code(): JfrErrorCode {
    return this.size > this.#left ? 'JFR_BAD_EVENT_SIZE' : 'JFR_EMPTY_EVENT';
  }

  get reason(): string {
    const { size } = this;
    return size > this.#left
      ? `event of ${size} bytes where ${this.#left} are left`
      : `event of size ${size}`;
  }

  /** The same with the bytes beginning `shift` earlier. */
  moved(shift: number): ScanStop {
    return new ScanStop(this.offset + shift, this.size, this.#left);
  }
}

/** Events per batch: what fits the first cache. */
const BATCH = 1024;

/** The events last scanned. */
export class EventBatch {
  readonly offsets: Uint32Array;
  /** Type ids; -1 for those beyond 2^31, which {@link largeTypeId} has. */
  readonly typeIds: Int32Array;
  /** Events it has room for. */
  readonly capacity: number;
  /** Events in the batch; `offsets[count]` is the end of the last. */
  count = 0;
  /** Set when the scan cannot go on. */
  stop: ScanStop | undefined;

  constructor(capacity: number = BATCH) {
    this.capacity = capacity;
    this.offsets = new Uint32Array(capacity + 1);
    this.typeIds = new Int32Array(capacity);
  }
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
  const { offsets, typeIds, capacity } = batch;
  // the last bytes are read with care: a read beyond the end of an array, even one, makes the engine's
  // code for all of them slower
  const safe = Math.min(end, bytes.length) - MAX_HEAD;
  let position = start;
  let count = 0;
  batch.stop = undefined;
  while (position <= safe && count < capacity) {
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
            position = skipVarint(bytes, offset);
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
        position = skipVarint(bytes, position - 2);
        if (typeId > MAX_SMALL) typeId = -1;
      }
    }
    // an event smaller than its own size and type, or one that is too long
    const next = offset + size;
    if (!(next >= position && next <= end)) {
      batch.stop = new ScanStop(offset, size, end - offset);
      position = offset;
      break;
    }
    offsets[count] = offset;
    typeIds[count++] = typeId;
    position = next;
  }
  while (batch.stop === undefined && position > safe && position < end && count < capacity) {
    const { size, typeId, body } = readHead(bytes, position, end);
    const next = position + size;
    if (!(next >= body && next <= end)) {
      batch.stop = new ScanStop(position, size, end - position);
      break;
    }
    offsets[count] = position;
    typeIds[count++] = typeId > MAX_SMALL ? -1 : typeId;
    position = next;
  }
  batch.count = count;
  offsets[count] = position;
  return position;
}

/** Size and type id of an event of which perhaps not even those are whole: size is NaN then. */
function readHead(
  bytes: Uint8Array,
  offset: number,
  end: number,
): { size: number; typeId: number; body: number } {
  const limit = Math.min(end, bytes.length);
  const head = HEAD.fill(0);
  head.set(bytes.subarray(offset, Math.min(limit, offset + MAX_HEAD)));
  const type = skipVarint(head, 0);
  const body = skipVarint(head, type);
  const whole = offset + body <= limit;
  const cut = offset + type > limit;
  const size = cut ? Number.NaN : longVarint(head, 0);
  // a size that is whole is told also where the type id is not
  return { size, typeId: whole ? longVarint(head, type) : 0, body: offset + body };
}

/** Size and type id take this many bytes at most. */
const MAX_HEAD = 18;
const HEAD: Uint8Array = new Uint8Array(MAX_HEAD + 1);
const MAX_SMALL: number = 2 ** 31 - 1;

/** Type id of the event at an offset, however large. */
export function largeTypeId(bytes: Uint8Array, offset: number): number {
  return longVarint(bytes, skipVarint(bytes, offset));
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
