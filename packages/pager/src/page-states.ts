// SPDX-License-Identifier: Apache-2.0

/** Bits of a page's state, one byte per page. */
export const PAGE = {
  /** The snapshot holds only zeroes there. */
  zero: 1,
  /** The guest gave it back: zeroes from now on, whatever the snapshot says. */
  removed: 2,
  /** Something installed it, as far as we know. */
  installed: 4,
  /** It was installed before anyone asked. */
  prefetched: 8,
  /** Somebody asked for it. */
  faulted: 16,
  /** Of a memory that is fetched bit by bit: its content is there and has been checked. */
  ready: 32,
} as const;

/**
 * Marks every page that no extent touches as zero.
 * @param states one byte per page
 * @param extents where the memory has data, bytes, ascending
 */
export function markHoles(
  states: Uint8Array,
  extents: readonly { readonly start: number; readonly end: number }[],
  pageSize: number,
): void {
  let page = 0;
  for (const extent of extents) {
    const first = Math.floor(extent.start / pageSize);
    for (; page < first; page++) states[page]! |= PAGE.zero;
    page = Math.max(page, Math.ceil(extent.end / pageSize));
  }
  for (; page < states.length; page++) states[page]! |= PAGE.zero;
}
