// SPDX-License-Identifier: Apache-2.0
// A grid zoomed out: one pixel for a block of pages. An average would wash away the few pages that came
// in among the many that did not, so the pixel is that of the page that matters most.
import type { GridPixels, RowRun } from './grid-pixels.ts';
import { LOADED, PREFETCHED, RECENT, SELECTED, USED } from './page-state.ts';

/** How much a page matters, by its state: just in, in, selected, used. */
const RANKS: Uint8Array = Uint8Array.from({ length: 256 }, (_, state) => {
  if ((state & (LOADED | PREFETCHED)) !== 0) return (state & RECENT) === 0 ? 4 : 5;
  if ((state & SELECTED) !== 0) return 3;
  return (state & USED) === 0 ? 1 : 2;
});

/** The pixels of a grid at one page in `factor` in either direction. */
export class ReducedPixels {
  readonly pixels: GridPixels;
  readonly factor: number;
  readonly columns: number;
  readonly rows: number;
  readonly words: Uint32Array<ArrayBuffer>;

  constructor(pixels: GridPixels, factor: number) {
    this.pixels = pixels;
    this.factor = factor;
    this.columns = Math.max(1, Math.ceil(pixels.grid.columns / factor));
    this.rows = Math.max(1, Math.ceil(pixels.grid.rows / factor));
    this.words = new Uint32Array(this.columns * this.rows);
  }

  /**
   * Paints the blocks of the rows that changed.
   *
   * @param states state of every slot
   * @returns the rows of blocks that changed
   */
  repaint(changed: readonly RowRun[], states: Uint8Array): RowRun[] {
    const runs: RowRun[] = [];
    let done = 0;
    for (const { from, to } of changed) {
      const first = Math.max(done, Math.floor(from / this.factor));
      done = Math.min(this.rows, Math.ceil(to / this.factor));
      if (first >= done) continue;
      for (let row = first; row < done; row++) this.#paintRow(row, states);
      runs.push({ from: first, to: done });
    }
    return runs;
  }

  #paintRow(row: number, states: Uint8Array): void {
    const { factor, columns, words } = this;
    const { grid, words: source } = this.pixels;
    const ranks = new Uint8Array(columns);
    words.fill(0, row * columns, (row + 1) * columns);
    const last = Math.min((row + 1) * factor, grid.rows);
    for (let above = row * factor; above < last; above++) {
      const start = above * grid.columns;
      for (let column = 0; column < grid.columns; column++) {
        const slot = grid.cells[start + column]!;
        const block = Math.floor(column / factor);
        const rank = slot < 0 ? 0 : RANKS[states[slot]!]!;
        const nothingYet = words[row * columns + block] === 0;
        if (rank <= ranks[block]! && !nothingYet) continue;
        ranks[block] = rank;
        words[row * columns + block] = source[start + column]!;
      }
    }
  }
}
