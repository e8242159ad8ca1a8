// SPDX-License-Identifier: Apache-2.0
// The address space of one process: a row is one aligned stretch of addresses (2 MiB when it has 512
// pages), and stretches without a page in memory are left out.
import type { PageGraph } from '@rekindle/analysis';
import { PAGE_BYTES } from '@rekindle/memory';
import { address } from './format.ts';
import { type Band, EMPTY, type Gap, type PageGrid, VOID } from './grid.ts';

const GAP_ROWS = 2;

/** @param root id of a process in the graph */
export function virtualGrid(graph: PageGraph, root: number, columns: number): PageGrid {
  const { virtual, slot } = graph.addressSpaceOf(root);
  const stretch = columns * PAGE_BYTES;
  const bands: Band[] = [];
  const gaps: Gap[] = [];
  let rows = 0;
  let last = Number.NaN;
  for (const at of virtual) {
    const index = Math.floor(at / stretch);
    if (index === last) continue;
    const open = bands.at(-1);
    if (open !== undefined && index === last + 1) {
      bands[bands.length - 1] = { ...open, rows: open.rows + 1 };
    } else {
      if (open !== undefined) {
        gaps.push({ row: rows, rows: GAP_ROWS, label: '' });
        rows += GAP_ROWS;
      }
      bands.push({ firstRow: rows, rows: 1, address: index * stretch, label: address(at, 12) });
    }
    rows++;
    last = index;
  }
  const cells = new Int32Array(rows * columns).fill(VOID);
  for (const { firstRow, rows: height } of bands) {
    cells.fill(EMPTY, firstRow * columns, (firstRow + height) * columns);
  }
  // Where each slot is shown: a page can be mapped more than once.
  const cellsOfSlot = new Map<number, number[]>();
  let band = 0;
  for (let i = 0; i < virtual.length; i++) {
    const at = virtual[i]!;
    while (at >= bands[band]!.address + bands[band]!.rows * stretch) band++;
    const { firstRow, address: start } = bands[band]!;
    const cell = firstRow * columns + (at - start) / PAGE_BYTES;
    cells[cell] = slot[i]!;
    const known = cellsOfSlot.get(slot[i]!);
    if (known === undefined) cellsOfSlot.set(slot[i]!, [cell]);
    else known.push(cell);
  }
  return {
    space: 'virtual',
    columns,
    rows,
    cells,
    bands,
    gaps,
    labelOf: rowLabels(graph, root, cells, columns),
    cellOf: (wanted) => cellsOfSlot.get(wanted)?.[0] ?? -1,
    eachRowOf(first, pages, row) {
      for (let at = first; at < first + pages; at++) {
        for (const cell of cellsOfSlot.get(at) ?? []) row(Math.floor(cell / columns));
      }
    },
  };
}

/** JVM area, or else file, of the first page of a row; found when first asked for. */
function rowLabels(
  graph: PageGraph,
  root: number,
  cells: Int32Array,
  columns: number,
): (row: number) => string {
  const known = new Map<number, string>();
  return (row) => {
    const found = known.get(row);
    if (found !== undefined) return found;
    const slot = cells.subarray(row * columns, (row + 1) * columns).find((cell) => cell >= 0);
    const label = slot === undefined ? '' : labelOfSlot(graph, root, slot);
    known.set(row, label);
    return label;
  };
}

function labelOfSlot(graph: PageGraph, root: number, slot: number): string {
  const owners = [...graph.ownersOf(slot)]
    .map((id) => graph.owners[id]!)
    .filter((owner) => owner.root === root && owner.id !== root);
  const { name } = owners.find((each) => each.kind === 'area') ?? owners[0] ?? { name: '' };
  return name.slice(name.lastIndexOf('/') + 1);
}
