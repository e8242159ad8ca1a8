// SPDX-License-Identifier: Apache-2.0
// What is drawn around and above the pages of a grid: hairlines, gaps, outlines, addresses, the thumb.
import { PAGE_BYTES } from '@rekindle/memory';
import { address } from '../model/format.ts';
import { addressOfCell, type PageGrid, VOID } from '../model/grid.ts';
import type { Theme } from '../model/theme.ts';
import type { Size, Viewport } from '../model/viewport.ts';

const FONT = '11px ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, monospace';

/** A canvas and what is on it. All lengths are device pixels. */
export interface Frame {
  readonly context: CanvasRenderingContext2D;
  readonly grid: PageGrid;
  readonly theme: Theme;
  readonly viewport: Viewport;
  readonly view: Size;
  /** Where the view begins on the canvas. */
  readonly left: number;
  readonly top: number;
  /** Device pixels per CSS pixel. */
  readonly ratio: number;
}

/** Hairlines between pages, once they are large enough to be told apart. */
export function drawRules({ context, grid, theme, viewport, view }: Frame): void {
  const { scale, x, y } = viewport;
  const width = grid.columns * scale;
  const height = grid.rows * scale;
  context.fillStyle = theme.ground;
  const first = Math.max(0, Math.floor(-x / scale));
  const last = Math.min(grid.columns, Math.ceil((view.width - x) / scale));
  for (let column = first; column <= last; column++) {
    context.fillRect(column * scale - 1, 0, 1, height);
  }
  const top = Math.max(0, Math.floor(-y / scale));
  const bottom = Math.min(grid.rows, Math.ceil((view.height - y) / scale));
  for (let row = top; row <= bottom; row++) context.fillRect(0, row * scale - 1, width, 1);
}

/** What lies between bands, where it is worth a word. */
export function drawGaps({ context, grid, theme, viewport, ratio }: Frame): void {
  const { scale } = viewport;
  context.textBaseline = 'middle';
  context.textAlign = 'center';
  context.font = scaled(FONT, ratio);
  for (const gap of grid.gaps) {
    const middle = (gap.row + gap.rows / 2) * scale;
    if (gap.label === '' || gap.rows * scale < 10 * ratio) continue;
    context.fillStyle = theme.line;
    context.fillRect(0, Math.round(middle), grid.columns * scale, 1);
    const width = context.measureText(gap.label).width + 16 * ratio;
    context.fillStyle = theme.ground;
    const centre = (grid.columns * scale) / 2;
    context.fillRect(centre - width / 2, middle - 8 * ratio, width, 16 * ratio);
    context.fillStyle = theme.faintText;
    context.fillText(gap.label, centre, middle);
  }
}

/** A frame around a page. @param weight CSS pixels */
export function drawOutline(frame: Frame, cell: number, colour: string, weight: number): void {
  const { context, grid, ratio } = frame;
  if (cell < 0 || grid.cells[cell] === VOID) return;
  const { scale } = frame.viewport;
  // Small pages get a frame around them, large ones on their edge.
  const grow = Math.max(0, 5 * ratio - scale) / 2 + weight * ratio * 0.5;
  const left = (cell % grid.columns) * scale - grow;
  const top = Math.floor(cell / grid.columns) * scale - grow;
  context.strokeStyle = colour;
  context.lineWidth = weight * ratio;
  context.strokeRect(left, top, scale + 2 * grow, scale + 2 * grow);
}

/** Addresses to the left of the rows and, in an address space, what lies there. */
export function drawAddresses(frame: Frame): void {
  const { context, grid, theme, viewport, view, left, top, ratio } = frame;
  const { scale, x, y } = viewport;
  context.font = scaled(FONT, ratio);
  context.textBaseline = 'middle';
  context.textAlign = 'right';
  const right = Math.max(left, left + x) - 10 * ratio;
  const spacing = 17 * ratio;
  let written = Number.NEGATIVE_INFINITY;
  let said = '';
  for (const band of grid.bands) {
    const rowsApart = niceRows(spacing / scale);
    for (let row = 0; row < band.rows; row += rowsApart) {
      const middle = top + y + (band.firstRow + row) * scale + Math.max(scale, 12) / 2;
      if (middle < top || middle > top + view.height) continue;
      if (middle - written < spacing * 0.8) continue;
      const at = addressOfCell(grid, (band.firstRow + row) * grid.columns, PAGE_BYTES) ?? 0;
      context.fillStyle = row === 0 ? theme.text : theme.faintText;
      const text = address(at, grid.space === 'virtual' ? 12 : 9);
      context.fillText(text, right, middle);
      const label = grid.labelOf(band.firstRow + row);
      if (label !== '' && label !== said) {
        const room = right - context.measureText(text).width - 18 * ratio;
        context.fillStyle = theme.text;
        context.fillText(shorten(context, label, room), room + 8 * ratio, middle);
      }
      said = label;
      written = middle;
    }
  }
}

/** A scroll thumb, where not all rows fit. */
export function drawThumb({ context, grid, theme, viewport, view, left, top, ratio }: Frame): void {
  const { scale, y } = viewport;
  const height = grid.rows * scale;
  if (height <= view.height + 1) return;
  const right = left + view.width + 6 * ratio;
  const length = Math.max(24 * ratio, (view.height / height) * view.height);
  const at = (-y / (height - view.height)) * (view.height - length);
  context.fillStyle = theme.faintText;
  context.globalAlpha = 0.55;
  context.fillRect(right, top + at, 3 * ratio, length);
  context.globalAlpha = 1;
}

/** As much of a text as there is room for. */
function shorten(context: CanvasRenderingContext2D, text: string, room: number): string {
  let short = text;
  while (short.length > 1 && context.measureText(short).width > room) {
    short = `${short.slice(0, -2).trimEnd()}…`;
  }
  return short;
}

/** A power of two of rows that is at least `rows`: addresses then end in the same digits. */
function niceRows(rows: number): number {
  return 2 ** Math.max(0, Math.ceil(Math.log2(Math.max(rows, 1))));
}

function scaled(font: string, ratio: number): string {
  return font.replace('11px', `${11 * ratio}px`);
}
