// SPDX-License-Identifier: Apache-2.0
// The recorder's clock once more: importing the recorder for it takes longer than all else of a pager's start.
const { hrtime } = process;

/** Nanoseconds of CLOCK_MONOTONIC, as `now` of @rekindle/recorder counts them. */
export function now(): number {
  const time = hrtime();
  return time[0] * 1e9 + time[1];
}
