// SPDX-License-Identifier: Apache-2.0

const origin = Number(process.hrtime.bigint()) - performance.now() * 1e6;

/**
 * Nanoseconds of CLOCK_MONOTONIC, as a number: exact to a fraction of a nanosecond per hour of
 * process life, and, unlike `process.hrtime.bigint()`, without a BigInt per call.
 */
export const monotonicNanos = (): number => origin + performance.now() * 1e6;
