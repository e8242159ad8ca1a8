// SPDX-License-Identifier: Apache-2.0
import { RamLayout } from '@rekindle/analysis';
import { drawnRun, syntheticRun } from '@rekindle/analysis/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { word } from './colour.ts';
import { addressOfCell, EMPTY, type PageGrid, VOID } from './grid.ts';
import { GridPixels } from './grid-pixels.ts';
import { physicalGrid } from './physical-grid.ts';
import { virtualGrid } from './virtual-grid.ts';

const PAGE = 4096;
const GIB = 1024 ** 3;
const holed = new RamLayout([
  { guestPhysical: 0, bytes: 3 * GIB },
  { guestPhysical: 4 * GIB, bytes: GIB + 700 * PAGE },
]);

describe('physical memory as a grid', () => {
  const grid = physicalGrid(holed, 512);

  it('leaves rows empty for the hole, and says what is not there', () => {
    expect(grid.gaps).toEqual([{ row: 1536, rows: 16, label: 'no RAM for 1.00 GiB' }]);
    expect(grid.cells[1536 * 512]).toBe(VOID);
    expect(grid.rows).toBe(1536 + 16 + 512 + 2);
  });

  it('shows the first page after the hole at 4 GiB', () => {
    const cell = 1552 * 512;
    expect(grid.cells[cell]).toBe((3 * GIB) / PAGE);
    expect(addressOfCell(grid, cell, PAGE)).toBe(4 * GIB);
    expect(addressOfCell(grid, cell - 1, PAGE)).toBeUndefined();
  });

  it('ends in the middle of a row where RAM does', () => {
    const last = grid.cellOf(holed.slots - 1);
    expect(last % 512).toBe(187);
    expect(grid.cells[last + 1]).toBe(VOID);
    expect(grid.cellOf(holed.slots)).toBe(-1);
  });

  it('finds every page again, and its address', () => {
    fc.assert(
      fc.property(fc.nat(holed.slots - 1), fc.constantFrom(128, 512, 2048), (slot, columns) => {
        const any = columns === 512 ? grid : physicalGrid(new RamLayout(holed.ranges), 512);
        const cell = any.cellOf(slot);
        expect(any.cells[cell]).toBe(slot);
        expect(addressOfCell(any, cell, PAGE)).toBe(holed.addressOf(slot));
      }),
      { numRuns: 20 },
    );
  });

  it('tells the rows of a run of pages, across the hole', () => {
    const rows: number[] = [];
    grid.eachRowOf((3 * GIB) / PAGE - 513, 514, (row) => rows.push(row));
    expect(rows).toEqual([1534, 1535, 1552]);
  });
});

describe('an address space as a grid', () => {
  const { graph } = drawnRun();
  const java = graph.owners.findIndex(({ name }) => name === 'java');
  const grid = virtualGrid(graph, java, 8);

  it('has a row per stretch of addresses that holds a page, and a gap between others', () => {
    // Heap: 2 pages; code: page 0 and page 4 of one stretch; libc: 1 page.
    const rows = Array.from({ length: grid.rows }, (_, row) =>
      [...grid.cells.subarray(row * 8, row * 8 + 8)].map(show).join(''),
    );
    expect(rows).toEqual(['45......', GAP, GAP, '6...7...', GAP, GAP, 'b.......']);
  });

  it('knows the address of a cell, with a page or without', () => {
    expect(addressOfCell(grid, 1, PAGE)).toBe(0xf000_1000);
    expect(addressOfCell(grid, 3 * 8 + 2, PAGE)).toBe(0x7fff_0000_2000);
    expect(addressOfCell(grid, 8, PAGE)).toBeUndefined();
  });

  it('shows every resident page of a whole process', () => {
    const { graph: whole } = syntheticRun('whole');
    const process = whole.roots()[0]!;
    const shown = virtualGrid(whole, process.id, 512).cells.filter((slot) => slot >= 0);
    expect(new Set(shown).size).toBe(whole.residentPages(process.id));
  });

  it('of a process without pages is empty', () => {
    expect(virtualGrid(graph, graph.owners.length, 8).rows).toBe(0);
  });
});

describe('the pixels of a grid', () => {
  const small = (): PageGrid =>
    physicalGrid(new RamLayout([{ guestPhysical: 0, bytes: 10 * PAGE }]), 4);
  const colours = Uint32Array.from({ length: 256 }, (_, i) => 0xff000000 + i);

  it('are painted once, and then only where something changed', () => {
    const pixels = new GridPixels(small());
    expect(pixels.repaint((slot) => slot, colours, 7)).toEqual([{ from: 0, to: 3 }]);
    expect([...pixels.words].map((colour) => colour & 0xff)).toEqual([
      ...[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0],
    ]);
    expect(pixels.words[10]).toBe(0);
    expect(pixels.repaint((slot) => slot, colours, 7)).toEqual([]);
    pixels.mark(9, 1);
    expect(pixels.repaint(() => 50, colours, 7)).toEqual([{ from: 2, to: 3 }]);
    expect([...pixels.words].map((colour) => colour & 0xff).slice(6)).toEqual([6, 7, 50, 50, 0, 0]);
  });

  it('show an address without a page in the colour of nothing', () => {
    const { graph } = drawnRun();
    const pixels = new GridPixels(virtualGrid(graph, 0, 8));
    pixels.repaint(() => 9, colours, word('#abcdef'));
    expect(pixels.words[pixels.grid.cells.indexOf(EMPTY)]).toBe(word('#abcdef'));
  });
});

const GAP = ' '.repeat(8);

function show(slot: number): string {
  return slot === EMPTY ? '.' : slot === VOID ? ' ' : slot.toString(16);
}
