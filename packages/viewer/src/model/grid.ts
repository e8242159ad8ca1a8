// SPDX-License-Identifier: Apache-2.0
// Where a page is drawn. A grid is rows of cells, a cell shows one page (or that there is none), and
// rows come in bands with a few empty rows between them.
//
//   row 0         [ slot 0 | slot 1 | ... | slot 511 ]
//   ...
//   (gap)         no RAM: 3 GiB to 4 GiB
//   row n + gap   [ first slot of the next band | ... ]

/** A cell that stands for an address without a page in it. */
export const EMPTY = -1;
/** A cell that stands for nothing: between two bands, or past the end of the last row. */
export const VOID = -2;

/** Rows that belong together, at consecutive addresses. */
export interface Band {
  readonly firstRow: number;
  readonly rows: number;
  /** Address of the first cell, bytes. */
  readonly address: number;
  /** What to write beside it. */
  readonly label: string;
}

/** Empty rows between two bands. */
export interface Gap {
  readonly row: number;
  readonly rows: number;
  /** What is not shown here; empty when it is not worth a word. */
  readonly label: string;
}

export interface PageGrid {
  /** Whether addresses are guest physical, or virtual in one process. */
  readonly space: 'physical' | 'virtual';
  readonly columns: number;
  readonly rows: number;
  /** Slot shown by each cell, row by row; EMPTY or VOID where there is none. */
  readonly cells: Int32Array;
  readonly bands: readonly Band[];
  readonly gaps: readonly Gap[];
  /** What the pages of a row are, in a word or two; empty where the address says it all. */
  labelOf(row: number): string;
  /** Cell that shows a slot (the first, if several do), or -1. */
  cellOf(slot: number): number;
  /** Calls back for every row that shows one of the slots. */
  eachRowOf(slot: number, pages: number, row: (row: number) => void): void;
}

/** Address of a cell, or undefined for a VOID one. */
export function addressOfCell(grid: PageGrid, cell: number, pageBytes: number): number | undefined {
  if ((grid.cells[cell] ?? VOID) === VOID) return undefined;
  const row = Math.floor(cell / grid.columns);
  const band = grid.bands.find(({ firstRow, rows }) => row >= firstRow && row < firstRow + rows);
  if (band === undefined) return undefined;
  return band.address + (cell - band.firstRow * grid.columns) * pageBytes;
}
