// SPDX-License-Identifier: Apache-2.0
// Scans for those who want one thing of each event, and want it fast: events in the form HotSpot writes
// them, a size of one byte or of four and a type id of one or two. Four times as fast as by batches
// (scan.ts), which take over where an event is of another form, or not whole.

/** Type ids of one or two bytes are below this. */
export const COMMON_TYPE_IDS = 16_384;

/**
 * Counts events, and their bytes, by type id. Returns the end, or where an event is of another form or
 * not whole.
 */
export function countCommon(
  bytes: Uint8Array,
  start: number,
  end: number,
  counts: Uint32Array | Float64Array,
  sizes: Uint32Array | Float64Array,
): number {
  let position = start;
  while (position < end) {
    const offset = position;
    let size = bytes[position++]!;
    if (size > 127) {
      const second = bytes[position++]!;
      const third = bytes[position++]!;
      const fourth = bytes[position++]!;
      if (second < 128 || third < 128 || fourth > 127) return offset;
      size = (size & 127) | ((second & 127) << 7) | ((third & 127) << 14) | (fourth << 21);
    }
    let typeId = bytes[position++]!;
    if (typeId > 127) {
      const second = bytes[position++]!;
      if (second > 127) return offset;
      typeId = (typeId & 127) | (second << 7);
    }
    const next = offset + size;
    if (!(next >= position && next <= end)) return offset;
    counts[typeId]!++;
    sizes[typeId]! += size;
    position = next;
  }
  return position;
}

/**
 * Steps over events as long as the table says `value` of their types. Returns where it says otherwise,
 * the end, or where an event is of another form or not whole.
 */
export function skipCommon(
  bytes: Uint8Array,
  start: number,
  end: number,
  table: Uint8Array,
  value: number,
): number {
  let position = start;
  while (position < end) {
    const offset = position;
    let size = bytes[position++]!;
    if (size > 127) {
      const second = bytes[position++]!;
      const third = bytes[position++]!;
      const fourth = bytes[position++]!;
      if (second < 128 || third < 128 || fourth > 127) return offset;
      size = (size & 127) | ((second & 127) << 7) | ((third & 127) << 14) | (fourth << 21);
    }
    let typeId = bytes[position++]!;
    if (typeId > 127) {
      const second = bytes[position++]!;
      if (second > 127) return offset;
      typeId = (typeId & 127) | (second << 7);
    }
    const next = offset + size;
    if (table[typeId] !== value || !(next >= position && next <= end)) return offset;
    position = next;
  }
  return position;
}
