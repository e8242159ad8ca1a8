// SPDX-License-Identifier: Apache-2.0
// Median, spread and ratio, and the one way in which every bench prints them.
import { cpus, release } from 'node:os';

export interface Spread {
  readonly median: number;
  /** Quartiles: half of the samples lie between them. */
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

/** The q-th quantile (0 to 1) of samples in any order, interpolated. Throws on no samples. */
export function quantile(samples: readonly number[], q: number): number {
  if (samples.length === 0) throw new RangeError('quantile of no samples');
  const sorted = Float64Array.from(samples).sort();
  const at = q * (sorted.length - 1);
  const below = sorted[Math.floor(at)] as number;
  const above = sorted[Math.ceil(at)] as number;
  return below + (above - below) * (at - Math.floor(at));
}

export function spread(samples: readonly number[]): Spread {
  return {
    median: quantile(samples, 0.5),
    low: quantile(samples, 0.25),
    high: quantile(samples, 0.75),
    count: samples.length,
  };
}

/** `12.3 [11.9-13.0] ms, n=10` */
export function show(value: Spread, unit: string): string {
  const digits = (x: number): string => (x >= 100 ? x.toFixed(0) : x.toPrecision(3));
  const range = `[${digits(value.low)}-${digits(value.high)}]`;
  return `${digits(value.median)} ${range} ${unit}, n=${value.count}`;
}

/** One comparison: ours against a peer measured in the same run, as the ratio of medians. */
export interface Comparison {
  readonly what: string;
  readonly ours: Spread;
  readonly peer: Spread;
  readonly peerName: string;
  readonly unit: string;
  /** The promise: the ratio ours/peer is at most this. */
  readonly atMost?: number;
}

export function printComparisons(comparisons: readonly Comparison[]): void {
  const rows = comparisons.map((c) => {
    const ratio = c.ours.median / c.peer.median;
    const verdict = c.atMost === undefined ? '' : ratio <= c.atMost ? 'holds' : 'MISSED';
    const promise = c.atMost === undefined ? '-' : `<= ${c.atMost}`;
    const peer = `${c.peerName}: ${show(c.peer, c.unit)}`;
    return [c.what, show(c.ours, c.unit), peer, ratio.toFixed(3), promise, verdict];
  });
  printTable(['what', 'ours', 'peer', 'ratio', 'promise', ''], rows);
}

/** Prints a Markdown table, padded so that it also reads well on a terminal. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((title, i) =>
    Math.max(title.length, ...rows.map((r) => r[i]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  console.log(line(head));
  console.log(`|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`);
  for (const row of rows) console.log(line(row));
}

/** One line that says on what the figures were taken. */
export function machine(): string {
  const [cpu] = cpus();
  return `${cpu?.model.trim()} x${cpus().length}, Linux ${release()}, Node ${process.versions.node}`;
}
