// SPDX-License-Identifier: Apache-2.0
// A restore as a moving picture: one run, or several beside each other on one clock.
import { PAGE_BYTES } from '@rekindle/memory';
import { word } from '../model/colour.ts';
import { bytes, count, faultCount, nanos } from '../model/format.ts';
import { GifWriter } from '../model/gif.ts';
import { palette } from '../model/palette.ts';
import { ReducedPixels } from '../model/reduce.ts';
import { RunView } from '../model/run-view.ts';
import type { Theme } from '../model/theme.ts';

const FRAMES = 80;
/** Hundredths of a second. */
const DELAY = 9;
const LAST_DELAY = 300;
/** Pixels. */
const MARGIN = 12;
const HEAD = 40;
const FOOT = 30;
/** A grid wider or higher than this is reduced. */
const MOST_PIXELS = 512;
const FONT = '13px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';

/** What one run looks like in the picture. */
interface Pane {
  readonly view: RunView;
  readonly left: number;
  readonly width: number;
  readonly height: number;
  /** Pixels of a small grid are drawn larger. */
  readonly scale: number;
  readonly reduced: ReducedPixels;
  readonly image: OffscreenCanvas;
}

/**
 * Makes the picture, a frame at a time so that the page goes on working.
 *
 * @param shown the runs as they are shown: colours, selection and rows are taken from them
 * @param onProgress told the share that is done, 0 to 1
 * @returns an animated GIF
 */
export async function animate(
  shown: readonly RunView[],
  onProgress: (done: number) => void,
): Promise<Blob> {
  const theme = shown[0]!.theme;
  const panes = layOut(shown);
  const last = panes.at(-1)!;
  const width = last.left + last.width * last.scale + MARGIN;
  const height = HEAD + Math.max(...panes.map((pane) => pane.height * pane.scale)) + FOOT;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (context === null) throw new Error('this browser cannot draw off the screen');
  const length = Math.max(...panes.map(({ view }) => view.axis.length));
  const gif = new GifWriter(width, height, coloursOf(panes, theme));
  for (let frame = 0; frame <= FRAMES; frame++) {
    const position = (frame / FRAMES) * length;
    context.fillStyle = theme.ground;
    context.fillRect(0, 0, width, height);
    for (const pane of panes) drawPane(context, pane, position, theme);
    drawClock(context, panes, position, length, theme);
    const { data } = context.getImageData(0, 0, width, height);
    gif.add(new Uint32Array(data.buffer), frame === FRAMES ? LAST_DELAY : DELAY);
    onProgress(frame / FRAMES);
    await new Promise((resolve) => setTimeout(resolve));
  }
  return new Blob([gif.finish()], { type: 'image/gif' });
}

/** What must not change: the colours of pages, of bars and of letters. */
function coloursOf(panes: readonly Pane[], theme: Theme): number[] {
  const { ground, text, faintText, line, accent, prefetched } = theme;
  const letters = [ground, text, faintText, line, accent, prefetched].map(word);
  return [...letters, ...panes.flatMap(({ view }) => [...palette(view.colouring, theme)])];
}

/** Runs of their own, so that the ones on the page stay where they are. */
function layOut(shown: readonly RunView[]): Pane[] {
  const panes: Pane[] = [];
  let left = MARGIN;
  for (const original of shown) {
    const view = new RunView(original.run);
    view.setTheme(original.theme);
    view.select(original.selection);
    view.setColouring(original.colouring === 'compare' ? 'state' : original.colouring);
    if (original.space === 'virtual') view.setSpace('virtual');
    view.setColumns(original.columns);
    if (original.axis.name !== view.axis.name) view.setAxis(original.axis.name);
    const { grid } = view;
    const factor = Math.max(1, Math.ceil(Math.max(grid.columns, grid.rows) / MOST_PIXELS));
    const reduced = new ReducedPixels(view.pixels, factor);
    const { columns: width, rows: height } = reduced;
    const scale = Math.max(1, Math.floor(MOST_PIXELS / Math.max(width, height)));
    panes.push({
      view,
      left,
      width,
      height,
      scale,
      reduced,
      image: new OffscreenCanvas(width, height),
    });
    left += width * scale + 2 * MARGIN;
  }
  return panes;
}

type Context = OffscreenCanvasRenderingContext2D;

function drawPane(context: Context, pane: Pane, position: number, theme: Theme): void {
  const { view, left, width, height, scale, reduced, image } = pane;
  view.playback.seek(position);
  view.follow();
  reduced.repaint(view.repaint(), view.states.bytes);
  const data = new ImageData(new Uint8ClampedArray(reduced.words.buffer), width);
  image.getContext('2d')?.putImageData(data, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(image, left, HEAD, width * scale, height * scale);
  context.font = FONT;
  context.textBaseline = 'alphabetic';
  context.textAlign = 'left';
  context.fillStyle = theme.text;
  context.fillText(view.run.name, left, 17);
  const { totals } = view.states;
  const { firstResponse } = view;
  const answered = view.axis.name === 'time' && firstResponse !== undefined;
  context.fillStyle = theme.faintText;
  const pages = totals.copied + totals.zeroed + totals.prefetched;
  context.fillText(`${faultCount(totals.faults)}, ${bytes(pages * PAGE_BYTES)}`, left, 33);
  if (!answered || view.playback.position < firstResponse) return;
  context.textAlign = 'right';
  context.fillStyle = theme.prefetched;
  context.fillText(`answered after ${nanos(firstResponse)}`, left + width * scale, 17);
}

/** How far it is: a bar with a mark where each run answers. */
function drawClock(
  context: Context,
  panes: readonly Pane[],
  position: number,
  length: number,
  theme: Theme,
): void {
  const { width, height } = context.canvas;
  const timed = panes[0]!.view.axis.name === 'time';
  const room = width - 2 * MARGIN - 70;
  const top = height - 14;
  context.fillStyle = theme.line;
  context.fillRect(MARGIN, top, room, 4);
  context.fillStyle = theme.accent;
  context.fillRect(MARGIN, top, Math.round((position / length) * room), 4);
  for (const { view } of panes) {
    if (!timed || view.firstResponse === undefined) continue;
    context.fillStyle = theme.prefetched;
    context.fillRect(MARGIN + Math.round((view.firstResponse / length) * room), top - 3, 2, 10);
  }
  context.textAlign = 'right';
  context.fillStyle = theme.text;
  const text = timed ? nanos(position) : count(position);
  context.fillText(position === 0 && timed ? '0 ms' : text, width - MARGIN, top + 7);
}

/** Gives a file to the browser to save. */
export function save(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser reads the address after the click has been handled.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
