// SPDX-License-Identifier: Apache-2.0
// Where the events of a chunk are, by type.
import { EventBatch, largeTypeId, type ScanStop, scanEvents } from './scan.ts';

/** Offsets of the events of one type, in file order, from the start of the chunk's bytes. */
export class OffsetList {
  /** Number of events. */
  count = 0;
  /** Sum of their sizes in bytes. */
  bytes = 0;
  /** Offsets, and room for more. */
  room: Uint32Array = new Uint32Array(16);

  grow(): void {
    const grown = new Uint32Array(this.count * 2);
    grown.set(this.room);
    this.room = grown;
  }

  /** A view of the offsets so far. */
  get offsets(): Uint32Array {
    return this.room.subarray(0, this.count);
  }
}

/** Type ids below this are found by index; HotSpot's are a few thousands. */
const SMALL = 65_536;

export class EventIndex {
  readonly #small: (OffsetList | undefined)[] = [];
  readonly #large: Map<number, OffsetList> = new Map();
  readonly #batch: EventBatch = new EventBatch();

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
  walk(bytes: Uint8Array, start: number, end: number): ScanStop | undefined {
    const batch = this.#batch;
    let position = start;
    while (position < end) {
      position = scanEvents(bytes, position, end, batch);
      this.#addAll(bytes, batch);
      if (batch.stop !== undefined) return batch.stop;
    }
    return undefined;
  }

  #addAll(bytes: Uint8Array, { offsets, typeIds, count }: EventBatch): void {
    const small = this.#small;
    for (let row = 0; row < count; row++) {
      const typeId = typeIds[row]!;
      const offset = offsets[row]!;
      const list = small[typeId] ?? this.#open(typeId < 0 ? largeTypeId(bytes, offset) : typeId);
      if (list.count === list.room.length) list.grow();
      list.room[list.count++] = offset;
      list.bytes += offsets[row + 1]! - offset;
    }
  }

  #open(typeId: number): OffsetList {
    let list = this.get(typeId);
    if (list !== undefined) return list;
    list = new OffsetList();
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
