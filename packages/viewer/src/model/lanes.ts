// SPDX-License-Identifier: Apache-2.0
// What the timeline draws: how much came in during each slice of the axis.
import { FAULTED, type InstallLog, type PageGraph, PREFETCHED, spread } from '@rekindle/analysis';
import type { Axis } from './axis.ts';

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
  /** Pages in memory at the end of each slice, prefetched ones included. */
  readonly cumulative: Float32Array;
}

/** @param isSelected whether a slot belongs to the selection */
export function lanes(
  log: InstallLog,
  axis: Axis,
  durations: Float64Array,
  isSelected: (slot: number) => boolean,
  slices: number,
): Lanes {
  const selected = new Float32Array(slices);
  const others = new Float32Array(slices);
  const prefetched = new Float32Array(slices);
  const stall = new Float64Array(slices);
  const cumulative = new Float32Array(slices);
  const width = axis.length / slices;
  const sliceAt = (position: number) => Math.min(slices - 1, Math.floor(position / width));
  for (let i = 0; i < log.length; i++) {
    const position = axis.positionOf(i);
    const slice = sliceAt(axis.name === 'order' ? position - 1 : position);
    if (log.cause[i] === FAULTED) {
      if (isSelected(log.slot[i]!)) selected[slice]!++;
      else others[slice]!++;
      cumulative[slice]!++;
      if (axis.name === 'time') spread(stall, position, durations[log.row[i]!]!, width);
    } else if (log.cause[i] === PREFETCHED) {
      prefetched[slice]! += log.pages[i]!;
      cumulative[slice]! += log.pages[i]!;
    }
  }
  let peak = 0;
  for (let slice = 0; slice < slices; slice++) {
    peak = Math.max(peak, selected[slice]! + others[slice]! + prefetched[slice]!);
    stall[slice]! /= width;
    cumulative[slice]! += cumulative[slice - 1] ?? 0;
  }
  return { slices, selected, others, prefetched, stall, peak, cumulative };
}

/** Round positions for the labels of an axis: at most `most`, 1, 2 or 5 times a power of ten apart. */
export function axisTicks(length: number, most: number): number[] {
  const rough = length / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  return Array.from({ length: Math.floor(length / step) + 1 }, (_, i) => i * step);
}

/** Whether a slot is one of the selected ones, for {@link lanes}. */
export function membership(graph: PageGraph, owners: Iterable<number>): (slot: number) => boolean {
  const member = new Uint8Array(graph.ram.slots);
  for (const owner of owners) for (const slot of graph.slotsOf(owner)) member[slot] = 1;
  return (slot) => member[slot] === 1;
}
