// SPDX-License-Identifier: Apache-2.0
// Which part of the grid is on the screen. Sizes and positions are device pixels; a cell is one page.

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Viewport {
  /** Device pixels per cell. */
  readonly scale: number;
  /** Where the grid's top left corner is, from the top left corner of the view. */
  readonly x: number;
  readonly y: number;
}

const MAX_SCALE = 64;

/** The largest scale that shows everything, in the middle of the view. */
export function fitAll(content: Size, view: Size): Viewport {
  const exact = Math.min(view.width / content.width, view.height / content.height);
  return clamp({ scale: pleasant(exact), x: 0, y: 0 }, content, view);
}

/** The largest scale at which a row fits, from the top. */
export function fitWidth(content: Size, view: Size): Viewport {
  return clamp({ scale: pleasant(view.width / content.width), x: 0, y: 0 }, content, view);
}

/** Whole numbers from 4, where pages are large enough for a difference of one pixel to show. */
function pleasant(exact: number): number {
  return exact >= 4 ? Math.min(Math.floor(exact), MAX_SCALE) : Math.max(exact, 1e-3);
}

/** The next scale up (`direction` 1) or down (-1): whole numbers from 1, halves below. */
export function nextScale(scale: number, direction: 1 | -1): number {
  if (direction === 1) {
    if (scale < 1) return Math.min(1, scale * 2);
    const step = scale < 4 ? 1 : scale < 12 ? 2 : 4;
    return Math.min(MAX_SCALE, Math.floor(scale) + step);
  }
  if (scale <= 1) return scale / 2;
  const step = scale <= 4 ? 1 : scale <= 12 ? 2 : 4;
  return Math.max(1, Math.ceil(scale) - step);
}

/** Another scale, with the cell under the point staying under it. */
export function zoomAt(
  viewport: Viewport,
  scale: number,
  point: { x: number; y: number },
  content: Size,
  view: Size,
): Viewport {
  const smallest = Math.min(1, fitAll(content, view).scale);
  const next = Math.max(smallest, Math.min(MAX_SCALE, scale));
  const ratio = next / viewport.scale;
  const x = point.x - (point.x - viewport.x) * ratio;
  const y = point.y - (point.y - viewport.y) * ratio;
  return clamp({ scale: next, x, y }, content, view);
}

/** The same scale, moved so that no more than needed of the view is empty; centred where it fits. */
export function clamp(viewport: Viewport, content: Size, view: Size): Viewport {
  const along = (position: number, cells: number, room: number) => {
    const size = cells * viewport.scale;
    if (size <= room) return Math.round((room - size) / 2);
    return Math.round(Math.max(room - size, Math.min(0, position)));
  };
  return {
    scale: viewport.scale,
    x: along(viewport.x, content.width, view.width),
    y: along(viewport.y, content.height, view.height),
  };
}

/** The cell under a point, or undefined outside the grid. */
export function cellAt(
  viewport: Viewport,
  point: { x: number; y: number },
  content: Size,
): { row: number; column: number } | undefined {
  const column = Math.floor((point.x - viewport.x) / viewport.scale);
  const row = Math.floor((point.y - viewport.y) / viewport.scale);
  const inside = column >= 0 && row >= 0 && column < content.width && row < content.height;
  return inside ? { row, column } : undefined;
}

/** The same scale, moved so that a cell is in the middle of the view. */
export function centreOn(
  viewport: Viewport,
  cell: { row: number; column: number },
  content: Size,
  view: Size,
): Viewport {
  const x = view.width / 2 - (cell.column + 0.5) * viewport.scale;
  const y = view.height / 2 - (cell.row + 0.5) * viewport.scale;
  return clamp({ scale: viewport.scale, x, y }, content, view);
}
