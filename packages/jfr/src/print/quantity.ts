// SPDX-License-Identifier: Apache-2.0
// Durations and amounts of data as `jfr print` shows them to people (JDK 25; its rounding is to three
// significant figures, done on the nanoseconds first and on the decimal text again).
import { formatFixed } from './java-number.ts';

const MICRO = 1_000n;
const SECOND = 1_000_000_000n;
const MINUTE = 60n * SECOND;
const HOUR = 60n * MINUTE;
const DAY = 24n * HOUR;

const length = (value: number): number => Math.trunc(Math.log10(value)) + 1;

/**
 * For example `12.3 ms`, `1.00 s`, `2 m 5 s`, `0 s`. Below a second `digits` decimals of a millisecond are
 * shown; -1: three significant figures.
 */
export function formatDuration(nanos: bigint, digits = -1): string {
  const rounded = nanos < 0n ? -round(-nanos) : round(nanos);
  if (rounded === 0n) return '0 s';
  return rounded < 0n ? `-${positive(-rounded, digits)}` : positive(rounded, digits);
}

function round(nanos: bigint): bigint {
  if (nanos < MICRO) return nanos;
  if (nanos < SECOND) {
    const step = Math.trunc(10 ** (length(Number(nanos)) - 3));
    return BigInt(Math.round(Number(nanos) / step) * step);
  }
  if (nanos < MINUTE) {
    const seconds = nanos / SECOND;
    const millis = Number((nanos % SECOND) / 1_000_000n);
    const step = 10 ** length(Number(seconds));
    return seconds * SECOND + BigInt(Math.round(millis / step) * step) * 1_000_000n;
  }
  if (nanos < HOUR) return ((nanos + SECOND / 2n) / SECOND) * SECOND;
  if (nanos < DAY) return ((nanos + MINUTE / 2n) / MINUTE) * MINUTE;
  return ((nanos + HOUR / 2n) / HOUR) * HOUR;
}

function positive(nanos: bigint, digits: number): string {
  if (nanos < SECOND) {
    const significant = nanos < MICRO ? 6 : 9 - length(Number(nanos));
    return `${formatFixed(Number(nanos) / 1_000_000, digits < 0 ? significant : digits)} ms`;
  }
  if (nanos < MINUTE) {
    const seconds = Number(nanos / SECOND);
    const value = seconds + Number((nanos % SECOND) / 1_000_000n) / 1_000;
    return `${formatFixed(value, 3 - length(seconds))} s`;
  }
  if (nanos < HOUR) return `${nanos / MINUTE} m ${(nanos % MINUTE) / SECOND} s`;
  if (nanos < DAY) return `${nanos / HOUR} h ${(nanos % HOUR) / MINUTE} m`;
  return `${nanos / DAY} d ${(nanos % DAY) / HOUR} h`;
}

/** Names of the units below and from 1024 on; the small one for one and for several. */
interface AmountUnits {
  readonly one: string;
  readonly many: string;
  /** Put behind the letter of the power of 1024. */
  readonly scaled: string;
}

export const BYTES: AmountUnits = { one: ' byte', many: ' bytes', scaled: 'B' };
export const BITS: AmountUnits = { one: ' bit', many: ' bits', scaled: 'bit' };
export const BYTES_PER_SECOND: AmountUnits = { one: ' byte/s', many: ' byte/s', scaled: 'B/s' };
export const BITS_PER_SECOND: AmountUnits = { one: ' bps', many: ' bps', scaled: 'bps' };

/** For example `1.5 kB`, `512 bytes`, `12.0 Mbps`; powers of 1024 with the JDK's lower-case k. */
export function formatAmount(amount: bigint, units: AmountUnits): string {
  if (amount === 1n || amount === -1n) return `${amount}${units.one}`;
  if (amount < 1024n && amount > -1024n) return `${amount}${units.many}`;
  if (amount === -(2n ** 63n)) return 'N/A';
  const value = Number(amount);
  const power = Math.trunc(Math.log(Math.abs(value)) / Math.log(1024));
  return `${formatFixed(value / 1024 ** power, 1)} ${'kMGTPE'[power - 1]}${units.scaled}`;
}
