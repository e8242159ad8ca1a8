// SPDX-License-Identifier: Apache-2.0
// Guest RAM as a dense sequence of pages. A PC has a hole below 4 GiB where its devices live, so
// "the n-th page of RAM" and "guest physical address" differ above it:
//
//   guest physical   0 ........ 3 GiB          4 GiB ........ 5 GiB
//                    [  range 0  ]    (MMIO)    [  range 1  ]
//   slot             0 ... 786431               786432 ... 1048575

import { PAGE_BYTES } from '@rekindle/memory';

const GIB4 = 4 * 1024 ** 3;
/** RAM that ends short of a round number is a hole in what we know, not in the machine. */
const ROUND_BYTES = 32 * 1024 ** 2;

export interface RamRange {
  /** Guest physical address of the first byte. */
  readonly guestPhysical: number;
  readonly bytes: number;
  /** Slot of the first page. */
  readonly firstSlot: number;
}

export class RamLayout {
  readonly ranges: readonly RamRange[];
  /** Number of pages of RAM. */
  readonly slots: number;

  constructor(ranges: readonly { guestPhysical: number; bytes: number }[]) {
    let firstSlot = 0;
    const sorted = [...ranges].sort((a, b) => a.guestPhysical - b.guestPhysical);
    this.ranges = sorted.map(({ guestPhysical, bytes }) => {
      const range = { guestPhysical, bytes, firstSlot };
      firstSlot += Math.ceil(bytes / PAGE_BYTES);
      return range;
    });
    this.slots = firstSlot;
  }

  /** Slot of the page that holds a guest physical address, or -1 where there is no RAM. */
  slotOf(guestPhysical: number): number {
    for (const range of this.ranges) {
      const offset = guestPhysical - range.guestPhysical;
      if (offset >= 0 && offset < range.bytes) {
        return range.firstSlot + Math.floor(offset / PAGE_BYTES);
      }
    }
    return -1;
  }

  /** Guest physical address of the first byte of a page, or -1 for a slot that does not exist. */
  addressOf(slot: number): number {
    for (const range of this.ranges) {
      const page = slot - range.firstSlot;
      if (page >= 0 && page * PAGE_BYTES < range.bytes) {
        return range.guestPhysical + page * PAGE_BYTES;
      }
    }
    return -1;
  }
}

/**
 * RAM guessed from the pages that are known to exist, where no region table says it: everything up to
 * the highest page, and on machines with memory above 4 GiB a hole from the highest page below it.
 *
 * @param ends exclusive ends of known page runs, guest physical bytes
 */
export function guessRam(ends: Iterable<number>): RamLayout {
  let low = 0;
  let high = 0;
  for (const end of ends) {
    if (end <= GIB4) low = Math.max(low, end);
    else high = Math.max(high, end);
  }
  const ranges = [];
  if (low > 0) {
    ranges.push({ guestPhysical: 0, bytes: Math.min(GIB4, roundUp(low, ROUND_BYTES)) });
  }
  if (high > 0) ranges.push({ guestPhysical: GIB4, bytes: roundUp(high - GIB4, ROUND_BYTES) });
  return new RamLayout(ranges);
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}
