// SPDX-License-Identifier: Apache-2.0
// One run as it is looked at: playhead, selection, colouring, and the pixels that follow from them.
// It touches no document, so that all of it can be tested.
import {
  firstResponseOf,
  type InstallLog,
  installLog,
  type PageGraph,
  type Run,
} from '@rekindle/analysis';
import { Axis, type AxisName } from './axis.ts';
import { word } from './colour.ts';
import type { PageGrid } from './grid.ts';
import { GridPixels, type RowRun } from './grid-pixels.ts';
import { PageStates, type Totals } from './page-states.ts';
import { type Colouring, comparisonByte, LEVELS, ownerByte, palette, rampByte } from './palette.ts';
import { physicalGrid } from './physical-grid.ts';
import { Playback } from './playback.ts';
import type { Span } from './span.ts';
import { LIGHT, type Theme } from './theme.ts';
import { virtualGrid } from './virtual-grid.ts';

/** Pages per row: 512 make a row of 2 MiB, a huge page. */
const ROW_WIDTHS = [128, 256, 512, 1024, 2048, 4096] as const;
/** A canvas can be no higher than this everywhere; larger memory wants longer rows. */
const MOST_ROWS = 32_000;
/** What came in during this share of the playing time glows. */
const RECENT_SHARE = 0.012;

export type Space = 'physical' | 'virtual';

export class RunView {
  readonly run: Run;
  readonly graph: PageGraph;
  readonly log: InstallLog;
  readonly states: PageStates;
  readonly axes: Readonly<Record<AxisName, Axis>>;
  readonly playback: Playback;
  /** The part of the axis that the timeline shows. */
  span: Span;
  readonly selection: Set<number> = new Set();
  /** What the end of the run looks like. */
  readonly atEnd: {
    readonly totals: Totals;
    readonly loaded: Uint32Array;
    readonly event: Int32Array;
  };
  /** Moment of the first good answer on the time axis, or undefined. */
  readonly firstResponse: number | undefined;
  #axis: Axis;
  readonly #columns: Record<Space, number> = { physical: 512, virtual: 256 };
  #space: Space = 'physical';
  #spaceOf = -1;
  #colouring: Colouring = 'state';
  #theme: Theme = LIGHT;
  #colours: Uint32Array;
  #levels: Int16Array;
  /** 1 for every slot that comes in during the run this one is compared with. */
  #elsewhere: Uint8Array = new Uint8Array(0);
  #pixels: GridPixels;

  constructor(run: Run) {
    this.run = run;
    this.graph = run.graph;
    this.log = installLog(run);
    this.states = new PageStates(run.graph, this.log, run.faults.columns.duration.values);
    this.axes = {
      time: new Axis('time', this.log, run.duration),
      order: new Axis('order', this.log, run.duration),
    };
    this.#axis = this.axes[run.timed ? 'time' : 'order'];
    this.playback = new Playback(this.#axis.length);
    this.span = { from: 0, to: this.#axis.length };
    this.firstResponse = firstResponseOf(run);
    this.#columns.physical = pleasantWidth(run.ram.slots);
    this.#colours = palette(this.#colouring, this.#theme);
    this.#levels = new Int16Array(0);
    this.#pixels = new GridPixels(physicalGrid(run.ram, this.columns));
    this.states.onChange((slot, pages) => this.#pixels.mark(slot, pages));
    this.states.moveTo(this.log.length);
    const { totals, loaded, event } = this.states;
    this.atEnd = { totals: { ...totals }, loaded: loaded.slice(), event: event.slice() };
    this.states.moveTo(0);
    const largest = this.graph.roots()[0];
    if (largest !== undefined && largest.kind === 'process') this.select([largest.id]);
  }

  get axis(): Axis {
    return this.#axis;
  }

  /** Plays along another axis, from the same moment. */
  setAxis(name: AxisName): void {
    const axis = this.axes[name];
    const position = this.#axis.translate(this.playback.position, axis);
    this.#axis = axis;
    this.playback.rescale(position, axis.length);
    this.span = { from: 0, to: axis.length };
    this.follow();
  }

  get columns(): number {
    return this.#columns[this.#space];
  }

  /** The row widths that this memory can be shown with. */
  get rowWidths(): readonly number[] {
    return ROW_WIDTHS.filter((width) => this.run.ram.slots / width <= MOST_ROWS);
  }

  /** Sets the pages per row; the nearest that is offered. */
  setColumns(columns: number): void {
    const widths = this.rowWidths;
    const wider = widths.find((width) => width >= columns) ?? widths.at(-1) ?? 4096;
    this.#columns[this.#space] = wider;
    this.#makeGrid();
  }

  get space(): Space {
    return this.#space;
  }

  /** Shows physical memory, or the address space of the (first) selected process. */
  setSpace(space: Space): void {
    this.#space = space;
    this.#makeGrid();
  }

  /** The process whose address space the virtual view shows, or undefined. */
  get spaceOwner(): number | undefined {
    return this.#space === 'virtual' && this.#spaceOf >= 0 ? this.#spaceOf : undefined;
  }

  get grid(): PageGrid {
    return this.#pixels.grid;
  }

  get pixels(): GridPixels {
    return this.#pixels;
  }

  get colouring(): Colouring {
    return this.#colouring;
  }

  setColouring(colouring: Colouring): void {
    this.#colouring = colouring;
    this.#levels = this.#makeLevels();
    this.#colours = palette(colouring, this.#theme);
    this.#pixels.markAll();
  }

  /** Compares with another run of the same guest: page by page, at its end. */
  compareWith(other: RunView | undefined): void {
    const { ram } = this.run;
    this.#elsewhere = new Uint8Array(other === undefined ? 0 : ram.slots);
    if (other !== undefined) {
      other.atEnd.event.forEach((event, slot) => {
        const here = event < 0 ? -1 : ram.slotOf(other.run.ram.addressOf(slot));
        if (here >= 0) this.#elsewhere[here] = 1;
      });
    }
    if (other === undefined && this.#colouring === 'compare') this.setColouring('state');
    this.#pixels.markAll();
  }

  /** Whether there is a run to compare with. */
  get comparable(): boolean {
    return this.#elsewhere.length > 0;
  }

  get theme(): Theme {
    return this.#theme;
  }

  setTheme(theme: Theme): void {
    this.#theme = theme;
    this.#colours = palette(this.#colouring, theme);
    this.#pixels.markAll();
  }

  select(owners: Iterable<number>): void {
    const chosen = [...owners];
    this.selection.clear();
    for (const owner of chosen) this.selection.add(owner);
    this.states.select(this.selection);
    if (this.#space === 'virtual') this.#makeGrid();
  }

  /** Brings the page states to where the playhead is. */
  follow(): void {
    const { position, length } = this.playback;
    const end = position >= length;
    const recent = end ? this.log.length : this.#axis.countAt(position - length * RECENT_SHARE);
    this.states.moveTo(end ? this.log.length : this.#axis.countAt(position), recent);
  }

  /** Moves to just after event `index` has happened. */
  seekEvent(index: number): void {
    this.playback.seek(index < 0 ? 0 : this.#axis.positionOf(index));
    this.follow();
  }

  /** Paints what changed; returns the rows. */
  repaint(): RowRun[] {
    return this.#pixels.repaint(this.#byteOf(), this.#colours, word(this.#theme.unused));
  }

  /** The canvas word of a slot as it is painted now. */
  colourOf(slot: number): number {
    return this.#colours[this.#byteOf()(slot)]!;
  }

  #byteOf(): (slot: number) => number {
    const { bytes, event } = this.states;
    const levels = this.#levels;
    const { classes } = this.graph;
    const elsewhere = this.#elsewhere;
    switch (this.#colouring) {
      case 'state':
        return (slot) => bytes[slot]!;
      case 'compare':
        return (slot) => comparisonByte(bytes[slot]!, event[slot]! >= 0, elsewhere[slot] === 1);
      case 'owner':
        return (slot) => ownerByte(bytes[slot]!, classes[slot]!);
      case 'order':
      case 'service':
        return (slot) => rampByte(bytes[slot]!, event[slot]! < 0 ? -1 : levels[event[slot]!]!);
    }
  }

  /** Level of every event of the log under the ramp in use. */
  #makeLevels(): Int16Array {
    const { length, cause, row } = this.log;
    const levels = new Int16Array(length);
    if (this.#colouring === 'order') {
      for (let i = 0; i < length; i++) levels[i] = Math.floor((i / length) * LEVELS);
    } else if (this.#colouring === 'service') {
      const faults = this.run.faults.columns.duration.values;
      const prefetches = this.run.prefetches.columns;
      for (let i = 0; i < length; i++) {
        const at = row[i]!;
        const perPage =
          cause[i] === 0
            ? faults[at]!
            : cause[i] === 1
              ? prefetches.duration.values[at]! / prefetches.pages.values[at]!
              : 0;
        levels[i] = serviceLevel(perPage);
      }
    }
    return levels;
  }

  #makeGrid(): void {
    const process = [...this.selection]
      .map((id) => this.graph.owners[this.graph.owners[id]!.root]!)
      .find((owner) => owner.kind === 'process');
    const root = process ?? this.graph.roots().find((owner) => owner.kind === 'process');
    const virtual = this.#space === 'virtual' && root !== undefined;
    const same = virtual && this.#spaceOf === root.id && this.grid.columns === this.columns;
    if (same && this.grid.space === 'virtual') return;
    this.#spaceOf = root?.id ?? -1;
    this.#pixels = new GridPixels(
      virtual
        ? virtualGrid(this.graph, root.id, this.columns)
        : physicalGrid(this.run.ram, this.columns),
    );
  }
}

/** 512, or more where the grid would become a thin strip: from 4 GiB on. */
function pleasantWidth(slots: number): number {
  const [, , first, ...wider] = ROW_WIDTHS;
  return [first, ...wider].find((width) => slots / width <= 2 * width) ?? 4096;
}

/** Service times from 1 µs to 10 ms on a logarithmic ramp. */
export const SERVICE_RANGE: readonly [number, number] = [1e3, 1e7];

function serviceLevel(nanos: number): number {
  const [low, high] = SERVICE_RANGE;
  const t = Math.log(Math.max(nanos, low) / low) / Math.log(high / low);
  return Math.round(Math.min(1, t) * (LEVELS - 1));
}
