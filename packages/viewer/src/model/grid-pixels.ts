// SPDX-License-Identifier: Apache-2.0
// The pixels of a grid, one word per cell, kept up to date row by row.
import { EMPTY, type PageGrid } from './grid.ts';

/** Rows `from` to `to` (exclusive). */
export interface RowRun {
  readonly from: number;
  readonly to: number;
}

export class GridPixels {
  readonly grid: PageGrid;
  /** One canvas word per cell. */
  readonly words: Uint32Array<ArrayBuffer>;
  readonly #dirty: Uint8Array;

  constructor(grid: PageGrid) {
    this.grid = grid;
    this.words = new Uint32Array(grid.columns * grid.rows);
    this.#dirty = new Uint8Array(grid.rows).fill(1);
  }

  /** The pages changed: their rows want painting. */
  mark(slot: number, pages: number): void {
    this.grid.eachRowOf(slot, pages, (row) => {
      this.#dirty[row] = 1;
    });
  }

  markAll(): void {
    this.#dirty.fill(1);
  }

  /**
   * Paints what was marked.
   *
   * @param byteOf the palette index of a slot
   * @param colours 256 canvas words
   * @param empty the colour of an address without a page
   * @returns the rows that changed
   */
  repaint(byteOf: (slot: number) => number, colours: Uint32Array, empty: number): RowRun[] {
    const { cells, columns, rows } = this.grid;
    const runs: RowRun[] = [];
    for (let row = 0; row < rows; row++) {
      if (this.#dirty[row] === 0) continue;
      const from = row;
      for (; row < rows && this.#dirty[row] === 1; row++) this.#dirty[row] = 0;
      for (let cell = from * columns; cell < row * columns; cell++) {
        const slot = cells[cell]!;
        if (slot >= 0) this.words[cell] = colours[byteOf(slot)]!;
        else this.words[cell] = slot === EMPTY ? empty : TRANSPARENT;
      }
      runs.push({ from, to: row });
    }
    return runs;
  }
}

const TRANSPARENT = 0;
