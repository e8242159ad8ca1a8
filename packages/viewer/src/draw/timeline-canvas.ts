// SPDX-License-Identifier: Apache-2.0
// Draws the axis a run is played along: phases and probes on top, then how much came in and how much
// of the time the guest stood still, then the scale; the playhead over all of it.
import type { Run } from '@rekindle/analysis';
import type { Axis } from '../model/axis.ts';
import { count, nanos, nanosBy, percent } from '../model/format.ts';
import { axisTicks, type Lanes } from '../model/lanes.ts';
import type { Span } from '../model/span.ts';
import type { Theme } from '../model/theme.ts';

const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
/** Margins, CSS pixels: on the left room for the names of the lanes, on the right for the playhead. */
const LEFT = 62;
const RIGHT = 12;
const PHASES = 20;
const PROBES = 8;
const SCALE = 18;
const STALL = 14;

export interface TimelineState {
  readonly run: Run;
  readonly axis: Axis;
  readonly lanes: Lanes;
  /** The part of the axis that is shown. */
  readonly span: Span;
  readonly position: number;
  /** Position under the pointer, or undefined. */
  readonly hovered: number | undefined;
  readonly firstResponse: number | undefined;
}

export class TimelineCanvas {
  readonly canvas: HTMLCanvasElement;
  #ratio = 1;

  constructor(canvas: HTMLCanvasElement) {
    this.canvas = canvas;
  }

  /** CSS pixels that the axis has, at least 1. */
  get width(): number {
    return Math.max(1, this.canvas.clientWidth - LEFT - RIGHT);
  }

  resize(): void {
    this.#ratio = window.devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.canvas;
    this.canvas.width = Math.max(1, Math.round(clientWidth * this.#ratio));
    this.canvas.height = Math.max(1, Math.round(clientHeight * this.#ratio));
  }

  /** Position on the axis under a CSS pixel of the element. */
  positionAt(x: number, span: Span): number {
    const share = Math.max(0, Math.min(1, (x - LEFT) / this.width));
    return span.from + share * (span.to - span.from);
  }

  draw(state: TimelineState, theme: Theme): void {
    const context = this.canvas.getContext('2d');
    if (context === null) return;
    context.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
    const { clientWidth: width, clientHeight: height } = this.canvas;
    context.clearRect(0, 0, width, height);
    context.font = FONT;
    const timed = state.axis.name === 'time';
    const top = timed ? PHASES + PROBES : 4;
    const bottom = height - SCALE - (timed ? STALL : 0);
    this.#drawScale(context, state, theme, height);
    this.#drawNames(context, theme, timed, top, bottom);
    context.save();
    context.beginPath();
    context.rect(LEFT - 7, 0, this.width + 14, height);
    context.clip();
    if (timed) this.#drawPhases(context, state, theme);
    this.#drawDensity(context, state, theme, top, bottom);
    if (timed) this.#drawStall(context, state, theme, bottom + 2, STALL - 4);
    this.#drawPlayhead(context, state, theme, height);
    context.restore();
  }

  #x(position: number, span: Span): number {
    return LEFT + ((position - span.from) / (span.to - span.from)) * this.width;
  }

  #drawPhases(context: CanvasRenderingContext2D, state: TimelineState, theme: Theme): void {
    const { run, span } = state;
    const { ticks, duration, phase } = run.phases.columns;
    context.textBaseline = 'middle';
    context.textAlign = 'left';
    for (let row = 0; row < run.phases.rows; row++) {
      const left = this.#x(ticks.values[row]!, span);
      const right = Math.max(left + 2, this.#x(ticks.values[row]! + duration.values[row]!, span));
      const name = phase.values[row]!;
      context.fillStyle = theme.accent;
      context.globalAlpha = theme.name === 'dark' ? 0.3 : 0.16;
      context.fillRect(left, 2, right - left - 1, PHASES - 4);
      context.globalAlpha = 1;
      context.fillRect(left, 2, 1, PHASES - 4);
      const label = `${name} ${nanos(duration.values[row]!)}`;
      const room = Math.min(right, LEFT + this.width) - Math.max(left, LEFT) - 8;
      context.fillStyle = theme.text;
      const short = context.measureText(name).width <= room ? name : '';
      const text = context.measureText(label).width <= room ? label : short;
      if (text !== '') context.fillText(text, Math.max(left, LEFT) + 6, PHASES / 2);
    }
    const probes = run.probes.columns;
    for (let row = 0; row < run.probes.rows; row++) {
      const good = probes.status.values[row]! >= 200 && probes.status.values[row]! < 400;
      const left = this.#x(probes.ticks.values[row]!, span);
      const right = this.#x(probes.ticks.values[row]! + probes.duration.values[row]!, span);
      context.fillStyle = good ? theme.prefetched : theme.faintText;
      context.globalAlpha = good ? 1 : 0.5;
      context.fillRect(left, PHASES + 1, Math.max(2, right - left - 1), 3);
      context.globalAlpha = 1;
    }
  }

  #drawDensity(
    context: CanvasRenderingContext2D,
    state: TimelineState,
    theme: Theme,
    top: number,
    bottom: number,
  ): void {
    const { lanes } = state;
    const height = bottom - top;
    const slice = this.width / lanes.slices;
    // Square root: a burst of thousands must not hide the stragglers that decide the latency.
    const tall = (value: number) => Math.sqrt(value / Math.max(1, lanes.peak)) * height;
    context.fillStyle = theme.line;
    context.fillRect(LEFT, bottom, this.width, 1);
    for (let i = 0; i < lanes.slices; i++) {
      const left = LEFT + i * slice;
      const faults = lanes.selected[i]! + lanes.others[i]!;
      const whole = tall(faults);
      if (faults > 0) {
        const part = (lanes.selected[i]! / faults) * whole;
        context.fillStyle = theme.loadedSelected;
        context.fillRect(left, bottom - part, Math.max(1, slice - 1), part);
        context.fillStyle = theme.loaded;
        context.fillRect(left, bottom - whole, Math.max(1, slice - 1), whole - part);
      }
      if (lanes.prefetched[i]! > 0) {
        const high = Math.min(height - whole, Math.max(2, tall(lanes.prefetched[i]!)));
        context.fillStyle = theme.prefetched;
        context.fillRect(left, bottom - whole - high, Math.max(1, slice - 1), high);
      }
    }
    const { total } = lanes;
    if (total === 0) return;
    context.strokeStyle = theme.faintText;
    context.lineWidth = 1.25;
    context.beginPath();
    const started = Math.max(
      0,
      lanes.cumulative[0]! - (lanes.selected[0]! + lanes.others[0]! + lanes.prefetched[0]!),
    );
    context.moveTo(LEFT, bottom - (started / total) * height);
    for (let i = 0; i < lanes.slices; i++) {
      context.lineTo(LEFT + (i + 1) * slice, bottom - (lanes.cumulative[i]! / total) * height);
    }
    context.stroke();
  }

  #drawStall(
    context: CanvasRenderingContext2D,
    state: TimelineState,
    theme: Theme,
    top: number,
    height: number,
  ): void {
    const { lanes } = state;
    const slice = this.width / lanes.slices;
    context.fillStyle = theme.classes[8] as string;
    for (let i = 0; i < lanes.slices; i++) {
      const share = Math.min(1, lanes.stall[i]!);
      if (share <= 0) continue;
      context.globalAlpha = 0.12 + 0.88 * share;
      context.fillRect(LEFT + i * slice, top, Math.max(1, slice), height);
    }
    context.globalAlpha = 1;
  }

  #drawScale(
    context: CanvasRenderingContext2D,
    state: TimelineState,
    theme: Theme,
    height: number,
  ): void {
    const { axis, span } = state;
    const ticks = axisTicks(span, this.width / 90);
    const step = (ticks[1] ?? span.to) - (ticks[0] ?? span.from);
    const say = (tick: number) => (axis.name === 'time' ? nanosBy(tick, step) : count(tick));
    context.textBaseline = 'alphabetic';
    context.textAlign = 'center';
    for (const tick of ticks) {
      const x = this.#x(tick, span);
      context.fillStyle = theme.line;
      context.fillRect(Math.round(x), height - SCALE + 1, 1, 4);
      context.fillStyle = theme.faintText;
      const text = tick === 0 ? '0' : say(tick);
      const half = context.measureText(text).width / 2;
      context.fillText(
        text,
        Math.max(half, Math.min(x, LEFT + RIGHT + this.width - half)),
        height - 2,
      );
    }
  }

  #drawNames(
    context: CanvasRenderingContext2D,
    theme: Theme,
    timed: boolean,
    top: number,
    bottom: number,
  ): void {
    context.fillStyle = theme.faintText;
    context.textAlign = 'right';
    context.textBaseline = 'middle';
    const say = (name: string, y: number) => context.fillText(name, LEFT - 8, y);
    say('pages in', (top + bottom) / 2);
    if (!timed) return;
    say('phases', PHASES / 2);
    say('stalled', bottom + STALL / 2);
  }

  /** What happened around the pointer, in a few words beside its line. */
  #drawTip(
    context: CanvasRenderingContext2D,
    { axis, lanes, span, hovered = 0 }: TimelineState,
    theme: Theme,
    y: number,
  ): void {
    const share = (hovered - span.from) / (span.to - span.from);
    const slice = Math.min(lanes.slices - 1, Math.floor(share * lanes.slices));
    const faults = lanes.selected[slice]! + lanes.others[slice]!;
    const parts = [axis.name === 'time' ? nanos(hovered) : `event ${count(hovered)}`];
    if (axis.name === 'time') {
      if (faults > 0) parts.push(`${count(faults)} faults`);
      if (lanes.prefetched[slice]! > 0) parts.push(`${count(lanes.prefetched[slice]!)} prefetched`);
      const stall = lanes.stall[slice]!;
      if (stall > 0) parts.push(`${percent(Math.min(stall, 1), 1)} stalled`);
    }
    const text = parts.join(' · ');
    const width = context.measureText(text).width + 12;
    const x = this.#x(hovered, span);
    const left = x + width + 8 > LEFT + this.width ? x - width - 6 : x + 6;
    context.fillStyle = theme.ground;
    context.strokeStyle = theme.line;
    context.beginPath();
    context.roundRect(left, y, width, 18, 4);
    context.fill();
    context.stroke();
    context.fillStyle = theme.text;
    context.textAlign = 'left';
    context.textBaseline = 'middle';
    context.fillText(text, left + 6, y + 9.5);
  }

  #drawPlayhead(
    context: CanvasRenderingContext2D,
    state: TimelineState,
    theme: Theme,
    height: number,
  ): void {
    const { axis, span, firstResponse, hovered, position } = state;
    if (axis.name === 'time' && firstResponse !== undefined) {
      const x = Math.round(this.#x(firstResponse, span));
      context.fillStyle = theme.prefetched;
      context.fillRect(x, 2, 1.5, height - SCALE - 2);
    }
    if (hovered !== undefined) {
      context.fillStyle = theme.faintText;
      context.globalAlpha = 0.6;
      context.fillRect(Math.round(this.#x(hovered, span)), 0, 1, height - SCALE);
      context.globalAlpha = 1;
    }
    const x = this.#x(position, span);
    context.fillStyle = theme.text;
    context.fillRect(x - 0.75, 0, 1.5, height - SCALE);
    context.beginPath();
    context.moveTo(x - 6, 0);
    context.lineTo(x + 6, 0);
    context.lineTo(x, 8);
    context.fill();
    if (hovered !== undefined) this.#drawTip(context, state, theme, PHASES + PROBES + 2);
  }
}
