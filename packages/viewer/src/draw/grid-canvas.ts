// SPDX-License-Identifier: Apache-2.0
// Draws a grid of pages on a canvas. The pages themselves are one small image, one pixel a page, scaled
// up without smoothing; around it addresses, above it outlines.
import type { GridPixels, RowRun } from '../model/grid-pixels.ts';
import { ReducedPixels } from '../model/reduce.ts';
import type { Theme } from '../model/theme.ts';
import {
  cellAt,
  centreOn,
  clamp,
  fitAll,
  fitWidth,
  nextScale,
  type Size,
  type Viewport,
  zoomAt,
} from '../model/viewport.ts';
import { drawAddresses, drawGaps, drawOutline, drawRules, drawThumb } from './grid-marks.ts';

/** CSS pixels to the left of the grid, for addresses, and for what lies there in a process. */
const GUTTER = { physical: 104, virtual: 236 } as const;
/** CSS pixels around the grid. */
const MARGIN = 12;

export interface Marks {
  /** Cell under the pointer or keyboard cursor, -1: none. */
  readonly hovered: number;
  /** Cell that was searched for, -1: none. */
  readonly found: number;
}

export class GridCanvas {
  readonly canvas: HTMLCanvasElement;
  #pixels: GridPixels | undefined;
  #image: HTMLCanvasElement;
  readonly #enlarged: HTMLCanvasElement = document.createElement('canvas');
  readonly #small: HTMLCanvasElement = document.createElement('canvas');
  #reduced: ReducedPixels | undefined;
  #viewport: Viewport = { scale: 1, x: 0, y: 0 };
  #follow: 'all' | 'width' | 'none' = 'all';
  #ratio = 1;

  constructor(canvas: HTMLCanvasElement) {
    this.canvas = canvas;
    this.#image = document.createElement('canvas');
  }

  /** Device pixels per page. */
  get scale(): number {
    return this.#viewport.scale;
  }

  /** Shows these pixels from now on. */
  show(pixels: GridPixels): void {
    if (this.#pixels === pixels) return;
    this.#pixels = pixels;
    this.#image = document.createElement('canvas');
    this.#image.width = Math.max(1, pixels.grid.columns);
    this.#image.height = Math.max(1, pixels.grid.rows);
    pixels.markAll();
    this.fitAll();
  }

  /** Takes over the size of the element. */
  resize(): void {
    this.#ratio = window.devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.canvas;
    const width = Math.max(1, Math.round(clientWidth * this.#ratio));
    const height = Math.max(1, Math.round(clientHeight * this.#ratio));
    sized(this.canvas, width, height);
    if (this.#follow === 'all') this.fitAll();
    else if (this.#follow === 'width') this.fitWidth();
    else this.#viewport = clamp(this.#viewport, this.#content, this.#view);
  }

  fitAll(): void {
    this.#follow = 'all';
    this.#viewport = fitAll(this.#content, this.#view);
  }

  fitWidth(): void {
    this.#follow = 'width';
    this.#viewport = fitWidth(this.#content, this.#view);
  }

  /** Scale up or down by one step, around a point in CSS pixels (the middle when left out). */
  zoom(direction: 1 | -1, point?: { x: number; y: number }): void {
    this.#follow = 'none';
    const view = this.#view;
    const at = point === undefined ? undefined : this.#toView(point);
    const around = at ?? { x: view.width / 2, y: view.height / 2 };
    const scale = nextScale(this.#viewport.scale, direction);
    this.#viewport = zoomAt(this.#viewport, scale, around, this.#content, view);
  }

  /** Moves the grid by CSS pixels. */
  pan(x: number, y: number): void {
    const moved = {
      scale: this.#viewport.scale,
      x: this.#viewport.x + x * this.#ratio,
      y: this.#viewport.y + y * this.#ratio,
    };
    this.#viewport = clamp(moved, this.#content, this.#view);
  }

  /** The picture as it is on the screen, a PNG. */
  picture(): Promise<Blob | null> {
    return new Promise((resolve) => this.canvas.toBlob(resolve));
  }

  /** Brings a cell into view, at a scale at which it can be seen. */
  reveal(cell: number): void {
    const grid = this.#pixels?.grid;
    if (grid === undefined || cell < 0) return;
    const place = { row: Math.floor(cell / grid.columns), column: cell % grid.columns };
    const view = this.#view;
    const middle = { x: view.width / 2, y: view.height / 2 };
    if (this.#viewport.scale < 6 * this.#ratio) {
      this.#follow = 'none';
      const scale = Math.round(6 * this.#ratio);
      this.#viewport = zoomAt(this.#viewport, scale, middle, this.#content, view);
    }
    this.#viewport = centreOn(this.#viewport, place, this.#content, view);
  }

  /** Moves the grid so far that a cell is in view. */
  keepInView(cell: number): void {
    const columns = this.#pixels?.grid.columns ?? 1;
    const { scale, x, y } = this.#viewport;
    const view = this.#view;
    const outside = (position: number, cells: number, room: number) => {
      const start = position + cells * scale;
      if (start < 0) return -start;
      return Math.min(0, room - start - scale);
    };
    this.#viewport = clamp(
      {
        scale,
        x: x + outside(x, cell % columns, view.width),
        y: y + outside(y, Math.floor(cell / columns), view.height),
      },
      this.#content,
      view,
    );
  }

  /** The cell in the middle of the view, or -1. */
  cellInTheMiddle(): number {
    const { clientWidth, clientHeight } = this.canvas;
    return this.cellAt({ x: (clientWidth + this.#gutter) / 2, y: clientHeight / 2 });
  }

  /** Cell under a point of the element in CSS pixels, or -1. */
  cellAt(point: { x: number; y: number }): number {
    const grid = this.#pixels?.grid;
    if (grid === undefined) return -1;
    const cell = cellAt(this.#viewport, this.#toView(point), this.#content);
    return cell === undefined ? -1 : cell.row * grid.columns + cell.column;
  }

  /** Middle of a cell in CSS pixels of the element. */
  pointOf(cell: number): { x: number; y: number } {
    const columns = this.#pixels?.grid.columns ?? 1;
    const { scale, x, y } = this.#viewport;
    return {
      x: (x + ((cell % columns) + 0.5) * scale) / this.#ratio + this.#gutter,
      y: (y + (Math.floor(cell / columns) + 0.5) * scale) / this.#ratio + MARGIN,
    };
  }

  /**
   * Draws everything.
   *
   * @param changed rows whose pixels changed since the last time
   * @param states state of every slot
   */
  draw(theme: Theme, changed: readonly RowRun[], marks: Marks, states: Uint8Array): void {
    const context = this.canvas.getContext('2d');
    const pixels = this.#pixels;
    if (context === null || pixels === undefined) return;
    upload(this.#image, pixels.words, pixels.grid.columns, changed);
    this.#reduce(pixels, changed, states);
    const { grid } = pixels;
    const { scale, x, y } = this.#viewport;
    const left = this.#gutter * this.#ratio;
    const top = MARGIN * this.#ratio;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = theme.ground;
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    context.save();
    context.beginPath();
    context.rect(left, top, this.#view.width, this.#view.height);
    context.clip();
    context.translate(left + x, top + y);
    context.imageSmoothingQuality = 'high';
    context.imageSmoothingEnabled = !Number.isInteger(scale);
    context.drawImage(this.#source(), 0, 0, grid.columns * scale, grid.rows * scale);
    const [view, viewport] = [this.#view, this.#viewport];
    const marked = { context, grid, theme, viewport, view, left, top, ratio: this.#ratio };
    if (scale >= 5) drawRules(marked);
    drawGaps(marked);
    drawOutline(marked, marks.found, theme.fresh, 3);
    drawOutline(marked, marks.hovered, theme.text, 1.5);
    context.restore();
    drawAddresses(marked);
    drawThumb(marked);
  }

  /**
   * The image to scale. Between whole scales pages would come out one or two pixels wide by turns; made
   * larger without smoothing first, then smaller with, they keep their edges and are all the same.
   */
  #source(): CanvasImageSource {
    const { scale } = this.#viewport;
    if (scale < 1) return this.#small;
    if (Number.isInteger(scale) || scale > 4) return this.#image;
    const times = Math.ceil(scale);
    sized(this.#enlarged, this.#image.width * times, this.#image.height * times);
    const context = this.#enlarged.getContext('2d');
    if (context === null) return this.#image;
    context.imageSmoothingEnabled = false;
    context.clearRect(0, 0, this.#enlarged.width, this.#enlarged.height);
    context.drawImage(this.#image, 0, 0, this.#enlarged.width, this.#enlarged.height);
    return this.#enlarged;
  }

  /** Below scale 1 a pixel stands for a block of pages; see reduce.ts. */
  #reduce(pixels: GridPixels, changed: readonly RowRun[], states: Uint8Array): void {
    const factor = Math.ceil(1 / this.#viewport.scale);
    if (factor <= 1) {
      this.#reduced = undefined;
      return;
    }
    let rows = changed;
    if (this.#reduced?.pixels !== pixels || this.#reduced.factor !== factor) {
      this.#reduced = new ReducedPixels(pixels, factor);
      rows = [{ from: 0, to: pixels.grid.rows }];
    }
    const { words, columns, rows: height } = this.#reduced;
    sized(this.#small, columns, height);
    upload(this.#small, words, columns, this.#reduced.repaint(rows, states));
  }

  get #gutter(): number {
    return GUTTER[this.#pixels?.grid.space ?? 'physical'];
  }

  get #content(): Size {
    const grid = this.#pixels?.grid;
    return { width: Math.max(1, grid?.columns ?? 1), height: Math.max(1, grid?.rows ?? 1) };
  }

  get #view(): Size {
    return {
      width: Math.max(1, this.canvas.width - (this.#gutter + MARGIN) * this.#ratio),
      height: Math.max(1, this.canvas.height - 2 * MARGIN * this.#ratio),
    };
  }

  #toView(point: { x: number; y: number }): { x: number; y: number } {
    return { x: (point.x - this.#gutter) * this.#ratio, y: (point.y - MARGIN) * this.#ratio };
  }
}

/** Gives a canvas a size; setting the one it has would clear it. */
function sized(canvas: HTMLCanvasElement, width: number, height: number): void {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}

function upload(
  canvas: HTMLCanvasElement,
  words: Uint32Array<ArrayBuffer>,
  columns: number,
  changed: readonly RowRun[],
): void {
  const context = canvas.getContext('2d');
  if (context === null || changed.length === 0 || words.length === 0) return;
  const image = new ImageData(new Uint8ClampedArray(words.buffer), columns);
  for (const { from, to } of changed) {
    context.putImageData(image, 0, 0, 0, from, columns, to - from);
  }
}
