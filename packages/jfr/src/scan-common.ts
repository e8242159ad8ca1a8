// SPDX-License-Identifier: Apache-2.0
// Scans for those who want one thing of each event, and want it fast: events of the common
// form, a size of up to four bytes and a type id of one or two. Four times as fast as by batches
// (scan.ts), which take over where an event is of another form, or not whole.

/**
 * Bytes of the longest size and type id of the common form. The last few bytes are left to the other
 * scan: a read beyond the end of an array, even one, makes the engine's code for all reads slower.
 */
const COMMON_HEAD = 6;

/** Type ids of one or two bytes are below this. */
export const COMMON_TYPE_IDS = 16_384;

/**
 * Counts events, and their bytes, by type id. Returns where an event is of another form or not whole, or
 * some bytes before the end.
 */
export function countCommon(
  bytes: Uint8Array,
  start: number,
  end: number,
  counts: Uint32Array | Float64Array,
  sizes: Uint32Array | Float64Array,
): number {
  // windows are small: 32-bit integers throughout
  let position = start | 0;
  const safe = (end - COMMON_HEAD) | 0;
  while (position <= safe) {
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
          size |= byte << 21;
          if (byte > 127) return offset;
        }
      }
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
 * where an event is of another form or not whole, or some bytes before the end.
 */
export function skipCommon(
  bytes: Uint8Array,
  start: number,
  end: number,
  table: Uint8Array,
  value: number,
): number {
  // windows are small: 32-bit integers throughout
  let position = start | 0;
  const safe = (end - COMMON_HEAD) | 0;
  while (position <= safe) {
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
          size |= byte << 21;
          if (byte > 127) return offset;
        }
      }
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
