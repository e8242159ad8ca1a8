// SPDX-License-Identifier: Apache-2.0
// Guest physical memory, all of it, a range of RAM to a band.
import type { RamLayout } from '@rekindle/analysis';
import { address, bytes } from './format.ts';
import { type Band, type Gap, type PageGrid, VOID } from './grid.ts';

const GAP_ROWS = 16;

export function physicalGrid(ram: RamLayout, columns: number): PageGrid {
  const bands: (Band & { firstSlot: number; slots: number })[] = [];
  const gaps: Gap[] = [];
  let rows = 0;
  ram.ranges.forEach((range, index) => {
    const before = ram.ranges[index - 1];
    if (before !== undefined) {
      const hole = range.guestPhysical - before.guestPhysical - before.bytes;
      gaps.push({ row: rows, rows: GAP_ROWS, label: `no RAM for ${bytes(hole)}` });
      rows += GAP_ROWS;
    }
    const slots = (ram.ranges[index + 1]?.firstSlot ?? ram.slots) - range.firstSlot;
    bands.push({
      firstRow: rows,
      rows: Math.ceil(slots / columns),
      address: range.guestPhysical,
      label: address(range.guestPhysical),
      firstSlot: range.firstSlot,
      slots,
    });
    rows += Math.ceil(slots / columns);
  });
  const cells = new Int32Array(rows * columns).fill(VOID);
  for (const { firstRow, firstSlot, slots } of bands) {
    for (let i = 0; i < slots; i++) cells[firstRow * columns + i] = firstSlot + i;
  }
  const cellOf = (slot: number): number => {
    const band = bands.find(
      ({ firstSlot, slots }) => slot >= firstSlot && slot < firstSlot + slots,
    );
    return band === undefined ? -1 : band.firstRow * columns + slot - band.firstSlot;
  };
  return {
    space: 'physical',
    columns,
    rows,
    cells,
    bands,
    gaps,
    labelOf: () => '',
    cellOf,
    eachRowOf(slot, pages, row) {
      for (const { firstRow, firstSlot, slots } of bands) {
        const start = Math.max(slot, firstSlot) - firstSlot;
        const end = Math.min(slot + pages, firstSlot + slots) - firstSlot;
        if (start >= end) continue;
        const last = Math.floor((end - 1) / columns);
        for (let at = Math.floor(start / columns); at <= last; at++) row(firstRow + at);
      }
    },
  };
}
