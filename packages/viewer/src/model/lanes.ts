// SPDX-License-Identifier: Apache-2.0
// What the timeline draws: how much came in during each slice of the axis.
import { FAULTED, type InstallLog, type PageGraph, PREFETCHED, spread } from '@rekindle/analysis';
import type { Axis } from './axis.ts';
import type { Span } from './span.ts';

/** Per slice: pages that came in, and the share of the slice spent serving faults. */
export interface Lanes {
  readonly slices: number;
  /** Faults on pages of the selected owners, and on others. */
  readonly selected: Float32Array;
  readonly others: Float32Array;
  readonly prefetched: Float32Array;
  /** Nanoseconds of service per slice, over the length of a slice; can exceed 1 with several vCPUs. */
  readonly stall: Float64Array;
  /** Largest number of pages that came in during one slice. */
  readonly peak: number;
  /** Pages that have come in by the end of each slice, prefetched ones included. */
  readonly cumulative: Float32Array;
  /** Pages that come in during the whole run. */
  readonly total: number;
}

/** What lanes are made of. */
export interface LanesOptions {
  readonly log: InstallLog;
  readonly axis: Axis;
  /** Service time of each fault, nanoseconds, by row of the fault table. */
  readonly durations: Float64Array;
  /** Whether a slot belongs to the selection. */
  readonly isSelected: (slot: number) => boolean;
  readonly slices: number;
  /** The part of the axis that is cut into slices. */
  readonly span: Span;
}

export function lanes(options: LanesOptions): Lanes {
  const { log, axis, durations, isSelected, slices, span } = options;
  const selected = new Float32Array(slices);
  const others = new Float32Array(slices);
  const prefetched = new Float32Array(slices);
  const stall = new Float64Array(slices);
  const cumulative = new Float32Array(slices);
  const width = (span.to - span.from) / slices;
  let before = 0;
  let total = 0;
  for (let i = 0; i < log.length; i++) {
    const position = axis.positionOf(i);
    const start = (axis.name === 'order' ? position - 1 : position) - span.from;
    // What happens at the very end belongs to the last slice.
    const last = position === span.to ? slices - 1 : slices;
    const slice = Math.min(last, Math.floor(start / width));
    const inside = slice >= 0 && slice < slices;
    const faulted = log.cause[i] === FAULTED;
    const pages = faulted ? 1 : log.cause[i] === PREFETCHED ? log.pages[i]! : 0;
    total += pages;
    if (start < 0) before += pages;
    if (faulted && axis.name === 'time') {
      const end = Math.min(start + durations[log.row[i]!]!, span.to - span.from);
      if (end > Math.max(start, 0))
        spread(stall, Math.max(start, 0), end - Math.max(start, 0), width);
    }
    if (!inside) continue;
    cumulative[slice]! += pages;
    const lane = !faulted ? prefetched : isSelected(log.slot[i]!) ? selected : others;
    lane[slice]! += pages;
  }
  let peak = 0;
  for (let slice = 0; slice < slices; slice++) {
    peak = Math.max(peak, selected[slice]! + others[slice]! + prefetched[slice]!);
    stall[slice]! /= width;
    cumulative[slice]! += cumulative[slice - 1] ?? before;
  }
  return { slices, selected, others, prefetched, stall, peak, cumulative, total };
}

/** Round positions for labels: at most `most`, 1, 2 or 5 times a power of ten apart. */
export function axisTicks(span: Span, most: number): number[] {
  const rough = (span.to - span.from) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const ticks: number[] = [];
  for (let tick = Math.ceil(span.from / step); tick * step <= span.to; tick++)
    ticks.push(tick * step);
  return ticks;
}

/** Whether a slot is one of the selected ones, for {@link lanes}. */
export function membership(graph: PageGraph, owners: Iterable<number>): (slot: number) => boolean {
  const member = new Uint8Array(graph.ram.slots);
  for (const owner of owners) for (const slot of graph.slotsOf(owner)) member[slot] = 1;
  return (slot) => member[slot] === 1;
}
