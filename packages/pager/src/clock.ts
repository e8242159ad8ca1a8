// SPDX-License-Identifier: Apache-2.0
// The recorder's clock once more: importing the recorder for it takes longer than all else of a pager's start.
const { hrtime } = process;

/** Nanoseconds of CLOCK_MONOTONIC, as `now` of @rekindle/recorder counts them. */
export function now(): number {
  const time = hrtime();
  return time[0] * 1e9 + time[1];
}

/** The same moment on both clocks, nanoseconds; see clockPair of the recorder. */
export function clockPair(): { readonly ticks: number; readonly epochNanos: bigint } {
  // The time origin is the one wall clock here that counts microseconds; the other one knows what was set since.
  const [ticks, coarse] = [now(), Date.now()];
  const fine = performance.timeOrigin + performance.now();
  const millis = Math.abs(fine - coarse) < 2 ? fine : coarse;
  return { ticks, epochNanos: BigInt(Math.round(millis * 1000)) * 1000n };
}
