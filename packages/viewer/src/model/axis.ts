// SPDX-License-Identifier: Apache-2.0
// The axis that a run is played along: time, or the order of its events. A position is nanoseconds or
// an event number; the rest of the viewer need not know which.
import { countAt, type InstallLog } from '@rekindle/analysis';

export type AxisName = 'time' | 'order';

export class Axis {
  readonly name: AxisName;
  readonly length: number;
  readonly #ticks: Float64Array;

  /** @param duration nanoseconds of the whole run, for the time axis */
  constructor(name: AxisName, log: InstallLog, duration: number) {
    this.name = name;
    this.length = Math.max(name === 'time' ? duration : log.length, 1);
    this.#ticks = name === 'time' ? log.ticks : Float64Array.from(log.ticks, (_, i) => i + 1);
  }

  /** Events that have happened at a position. */
  countAt(position: number): number {
    return countAt(this.#ticks, position);
  }

  /** Where event `index` happens. */
  positionOf(index: number): number {
    return this.#ticks[Math.max(0, Math.min(index, this.#ticks.length - 1))] ?? 0;
  }

  /** The same moment on another axis of the same run. */
  translate(position: number, other: Axis): number {
    if (other.name === this.name) return position;
    if (position >= this.length) return other.length;
    const count = this.countAt(position);
    return count === 0 ? 0 : other.positionOf(count - 1);
  }
}
