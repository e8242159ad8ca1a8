// SPDX-License-Identifier: Apache-2.0
// Where the events of a chunk are: one pass over `size · typeId`, skipping the payloads.
import type { JfrErrorCode } from './error.ts';

/** Offsets of the events of one type, in file order, from the start of the chunk's bytes. */
export class OffsetList {
  #offsets: Uint32Array = new Uint32Array(16);
  /** Number of events. */
  count = 0;
  /** Sum of their sizes in bytes. */
  bytes = 0;

  add(offset: number, size: number): void {
    if (this.count === this.#offsets.length) {
      const grown = new Uint32Array(this.count * 2);
      grown.set(this.#offsets);
      this.#offsets = grown;
    }
    this.#offsets[this.count++] = offset;
    this.bytes += size;
  }

  /** A view of the offsets so far. */
  get offsets(): Uint32Array {
    return this.#offsets.subarray(0, this.count);
  }
}

/** Why a walk ended before the end of what it was given. */
export interface WalkStop {
  readonly code: JfrErrorCode;
  /** Offset of the event that could not be stepped over, from the start of the bytes. */
  readonly offset: number;
  readonly reason: string;
}

/** The events of a chunk by type id. */
export class EventIndex {
  readonly #small: (OffsetList | undefined)[] = [];
  readonly #large: Map<number, OffsetList> = new Map();

  /** Events of a type id; undefined when there are none. */
  get(typeId: number): OffsetList | undefined {
    return typeId < SMALL ? this.#small[typeId] : this.#large.get(typeId);
  }

  /** The type ids met, with their events; metadata (0) and checkpoints (1) among them. */
  *entries(): Generator<[number, OffsetList]> {
    for (const [typeId, list] of this.#small.entries()) {
      if (list !== undefined) yield [typeId, list];
    }
    yield* this.#large;
  }

  /**
   * Adds the events from `start` to `end`. Returns why and where it stopped when an event has no size or
   * reaches beyond `end`; every event before it is in the index.
   */
  walk(bytes: Uint8Array, start: number, end: number): WalkStop | undefined {
    const small = this.#small;
    let position = start;
    while (position < end) {
      const offset = position;
      let size = bytes[position++]!;
      if (size > 127) {
        let shift = 7;
        size &= 127;
        let byte = 128;
        while (shift < 28 && byte > 127) {
          byte = bytes[position++]!;
          size |= (byte & 127) << shift;
          shift += 7;
        }
        if (byte > 127) {
          position = offset;
          let scale = 1;
          size = 0;
          for (let index = 0; index < 9; index++) {
            byte = bytes[position++]!;
            size += (index === 8 ? byte : byte & 127) * scale;
            if (!(byte > 127)) break;
            scale *= 128;
          }
        }
      }
      let typeId = bytes[position++]!;
      if (typeId > 127) {
        const byte = bytes[position++]!;
        typeId = (typeId & 127) | ((byte & 127) << 7);
        if (byte > 127) {
          let scale = 16384;
          for (let index = 2; index < 9; index++) {
            const next = bytes[position++]!;
            typeId += (index === 8 ? next : next & 127) * scale;
            if (!(next > 127)) break;
            scale *= 128;
          }
        }
      }
      if (size === 0) {
        return { code: 'JFR_EMPTY_EVENT', offset, reason: 'event of size 0' };
      }
      if (!(size <= end - offset)) {
        const reason = `event of ${size} bytes where ${end - offset} are left`;
        return { code: 'JFR_BAD_EVENT_SIZE', offset, reason };
      }
      if (position > offset + size) {
        const reason = `event of ${size} bytes is smaller than its own size and type`;
        return { code: 'JFR_EMPTY_EVENT', offset, reason };
      }
      let list = typeId < SMALL ? small[typeId] : this.#large.get(typeId);
      if (list === undefined) list = this.#open(typeId);
      list.add(offset, size);
      position = offset + size;
    }
    return undefined;
  }

  #open(typeId: number): OffsetList {
    const list = new OffsetList();
    if (typeId < SMALL) {
      // a hole-free array stays fast
      while (this.#small.length <= typeId) this.#small.push(undefined);
      this.#small[typeId] = list;
    } else {
      this.#large.set(typeId, list);
    }
    return list;
  }
}

const SMALL = 65_536;
