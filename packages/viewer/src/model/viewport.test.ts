// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cellAt, centreOn, clamp, fitAll, fitWidth, nextScale, zoomAt } from './viewport.ts';

const content = { width: 512, height: 512 };
const view = { width: 1000, height: 700 };

describe('what part of the grid is on the screen', () => {
  it('is all of it, in the middle, or all of a row', () => {
    const all = fitAll(content, view);
    expect(all.scale).toBeCloseTo(700 / 512);
    expect(all).toMatchObject({ x: 150, y: 0 });
    expect(fitWidth(content, view)).toEqual({ scale: 1000 / 512, x: 0, y: 0 });
    expect(fitAll({ width: 16, height: 16 }, view).scale).toBe(43);
  });

  it('keeps the cell under the pointer when it zooms', () => {
    const inside = (v: { x: number; y: number; scale: number }) =>
      v.x > view.width - content.width * v.scale && v.y > view.height - content.height * v.scale;
    fc.assert(
      fc.property(
        fc.record({ x: fc.integer({ min: 160, max: 840 }), y: fc.integer({ min: 5, max: 690 }) }),
        fc.integer({ min: 2, max: 40 }),
        (point, scale) => {
          const before = fitAll(content, view);
          const after = zoomAt(before, scale, point, content, view);
          const under = cellAt(before, point, content)!;
          const still = cellAt(after, point, content)!;
          // Rounding to whole pixels may move it by a pixel, which is less than a cell.
          const moved = Math.abs(still.row - under.row) + Math.abs(still.column - under.column);
          if (after.x < 0 && after.y < 0 && inside(after)) expect(moved).toBeLessThanOrEqual(2);
        },
      ),
    );
  });

  it('never shows more emptiness than it must', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -5000, max: 5000 }),
        fc.integer({ min: -5000, max: 5000 }),
        fc.integer({ min: 1, max: 20 }),
        (x, y, scale) => {
          const v = clamp({ scale, x, y }, content, view);
          for (const [at, cells, room] of [
            [v.x, content.width, view.width],
            [v.y, content.height, view.height],
          ] as const) {
            if (cells * scale <= room) expect(at).toBe(Math.round((room - cells * scale) / 2));
            else expect(at <= 0 && at + cells * scale >= room).toBe(true);
          }
        },
      ),
    );
  });

  it('knows no cell outside the grid', () => {
    const v = { scale: 2, x: 10, y: 20 };
    expect(cellAt(v, { x: 10, y: 20 }, content)).toEqual({ row: 0, column: 0 });
    expect(cellAt(v, { x: 9, y: 20 }, content)).toBeUndefined();
    expect(cellAt(v, { x: 10 + 1024, y: 20 }, content)).toBeUndefined();
  });

  it('goes to a cell', () => {
    const v = centreOn({ scale: 10, x: 0, y: 0 }, { row: 300, column: 200 }, content, view);
    expect(cellAt(v, { x: 500, y: 350 }, content)).toEqual({ row: 300, column: 200 });
  });

  it('steps up and down through the same scales', () => {
    let scale = 0.25;
    const up = [scale];
    for (; scale < 64; up.push(scale)) scale = nextScale(scale, 1);
    const down = [scale];
    for (; scale > 0.25; down.push(scale)) scale = nextScale(scale, -1);
    expect(up).toEqual(down.reverse());
    expect(up.slice(0, 8)).toEqual([0.25, 0.5, 1, 2, 3, 4, 6, 8]);
  });
});
