// SPDX-License-Identifier: Apache-2.0
import { RamLayout } from '@rekindle/analysis';
import { describe, expect, it } from 'vitest';
import { GridPixels } from './grid-pixels.ts';
import { LOADED, RECENT, SELECTED, USED } from './page-state.ts';
import { physicalGrid } from './physical-grid.ts';
import { ReducedPixels } from './reduce.ts';

const ram = (pages: number) => new RamLayout([{ guestPhysical: 0, bytes: pages * 4096 }]);
const colours = Uint32Array.from({ length: 256 }, (_, i) => 0xff000000 + i);

function painted(states: Uint8Array, columns: number): GridPixels {
  const pixels = new GridPixels(physicalGrid(ram(states.length), columns));
  pixels.repaint((slot) => states[slot]!, colours, 0);
  return pixels;
}

describe('a grid zoomed out', () => {
  // Two by two pages to a pixel; a row of four, four rows, and the last page missing.
  const [u, s, l, r] = [USED, USED | SELECTED, USED | LOADED, USED | LOADED | RECENT];
  const states = Uint8Array.of(...[0, u, 0, 0], ...[s, u, 0, 0], ...[u, l, r, l], ...[s, u, u]);

  it('shows the page that matters most', () => {
    const reduced = new ReducedPixels(painted(states, 4), 2);
    expect(reduced.repaint([{ from: 0, to: 4 }], states)).toEqual([{ from: 0, to: 2 }]);
    expect([...reduced.words].map((word) => word & 0xff)).toEqual([s, 0, l, r]);
    expect(reduced.words[1]).toBe(0xff000000);
  });

  it('paints a block of rows once, however many of them changed', () => {
    const reduced = new ReducedPixels(painted(states, 4), 2);
    const rows = [
      { from: 0, to: 1 },
      { from: 1, to: 2 },
      { from: 3, to: 4 },
    ];
    expect(reduced.repaint(rows, states)).toEqual([
      { from: 0, to: 1 },
      { from: 1, to: 2 },
    ]);
  });

  it('is smaller by the factor, and keeps what does not fill a block', () => {
    const all = new Uint8Array(7 * 5).fill(l);
    const reduced = new ReducedPixels(painted(all, 7), 3);
    expect([reduced.columns, reduced.rows]).toEqual([3, 2]);
    reduced.repaint([{ from: 0, to: 5 }], all);
    expect([...reduced.words].every((word) => (word & 0xff) === l)).toBe(true);
  });
});
