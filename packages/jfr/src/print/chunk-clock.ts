// SPDX-License-Identifier: Apache-2.0
// Ticks of one chunk as moments and durations, the way jdk.jfr.consumer converts them: the division is
// done in double precision and truncated, so a clock of other than 10^9 ticks a second rounds as theirs.
import type { ChunkHeader } from '../header.ts';
import type { Region } from '../type-model.ts';
import { clockAndDate, durationToString, offsetDateTimeToString } from './java-time.ts';

const NANOS = 1_000_000_000;
const LONG_MIN = -(2n ** 63n);
const LONG_MAX = 2n ** 63n - 1n;
/** `ChronoUnit.FOREVER` and the JDK's "not available" span, in nanoseconds. */
const FOREVER = LONG_MAX * 1_000_000_000n + 999_999_999n;
const NO_SPAN = LONG_MIN * 1_000_000_000n;
/** `OffsetDateTime.MIN`, which stands for a timestamp that is not available. */
const NO_MOMENT = '-999999999-01-01T00:00+18:00';

export type Long = number | bigint;

/** Nanoseconds; 'forever' and 'none' are the two that mean no number. */
export type Span = number | bigint | 'forever' | 'none';

const SPAN_UNITS: Readonly<Record<string, bigint>> = {
  MILLISECONDS: 1_000_000n,
  SECONDS: 1_000_000_000n,
};

export class ChunkClock {
  /** Seconds east of UTC. */
  readonly offsetSeconds: number;
  readonly #startTicks: bigint;
  readonly #startTicksNumber: number;
  /** Nanoseconds since 1970 at the zero of {@link sinceStart}. */
  readonly startNanos: bigint;
  /** Ticks per nanosecond. */
  readonly #divisor: number;

  constructor(header: ChunkHeader, region: Region) {
    const offset = Math.trunc(((region.gmtOffset ?? 0) + (region.dst ?? 0)) / 1000);
    this.offsetSeconds = Math.abs(offset) <= 18 * 3600 ? offset : 0;
    this.#startTicks = header.startTicks;
    this.#startTicksNumber = Number(header.startTicks);
    this.startNanos = header.startNanos;
    this.#divisor = Number(header.ticksPerSecond) / NANOS;
  }

  /** Nanoseconds from the chunk's start to a tick value. */
  sinceStart(ticks: Long): number {
    const delta =
      typeof ticks === 'number' && Number.isSafeInteger(this.#startTicksNumber)
        ? ticks - this.#startTicksNumber
        : Number(BigInt.asIntN(64, BigInt(ticks) - this.#startTicks));
    return this.#divisor === 1 ? delta : quotient(delta, this.#divisor);
  }

  /** Nanoseconds since 1970; far out it wraps and stops as the JDK's arithmetic with longs does. */
  epochNanos(ticks: Long): bigint {
    return BigInt.asIntN(64, this.startNanos + saturate(this.sinceStart(ticks)));
  }

  /** `OffsetDateTime.toString` of a moment in ticks. */
  isoOfTicks(ticks: Long): string {
    if (BigInt(ticks) === LONG_MIN) return NO_MOMENT;
    return offsetDateTimeToString(this.epochNanos(ticks), this.offsetSeconds);
  }

  isoOfMillis(millis: Long): string {
    if (BigInt(millis) === LONG_MIN) return NO_MOMENT;
    return offsetDateTimeToString(BigInt(millis) * 1_000_000n, this.offsetSeconds);
  }

  /** `HH:mm:ss.SSS (yyyy-MM-dd)`; `N/A` for a moment that is not available. */
  clockOf(value: Long, unit: string, digits: 3 | 9): string {
    if (BigInt(value) === LONG_MIN) return 'N/A';
    const nanos = unit === 'TICKS' ? this.epochNanos(value) : BigInt(value) * 1_000_000n;
    return clockAndDate(nanos, this.offsetSeconds, digits);
  }

  /** A `@Timespan` field as nanoseconds. */
  span(value: Long, unit: string): Span {
    if (typeof value === 'bigint') {
      if (value === LONG_MIN) return 'none';
      if (value === LONG_MAX) return 'forever';
    }
    if (unit === 'TICKS') {
      // A division of doubles in the JDK, also where it is by one: beyond 2^53 it rounds.
      const nanos = quotient(Number(value), this.#divisor);
      return Math.abs(nanos) < 2 ** 63 ? nanos : saturate(nanos);
    }
    if (unit === 'NANOSECONDS') return value;
    // The JDK multiplies longs here, which wraps beyond 292 years; nowhere else.
    if (unit === 'MICROSECONDS') return BigInt.asIntN(64, BigInt(value) * 1_000n);
    return BigInt(value) * (SPAN_UNITS[unit] ?? 1n);
  }
}

/** Nanoseconds of ticks; a damaged header may say that a second has none, and Java's zero by zero is zero. */
function quotient(ticks: number, divisor: number): number {
  const nanos = Math.trunc(ticks / divisor);
  return Number.isNaN(nanos) ? 0 : Math.max(-(2 ** 63), Math.min(nanos, 2 ** 63));
}

/** Java's narrowing of a double to a long. */
function saturate(value: number): bigint {
  if (value >= 2 ** 63) return LONG_MAX;
  return value <= -(2 ** 63) ? LONG_MIN : BigInt(value);
}

/** `Duration.toString` of a span. */
export function spanToString(span: Span): string {
  return durationToString(spanNanos(span));
}

/** The nanoseconds of a span; those of `forever` and `none` as java.time counts them. */
export function spanNanos(span: Span): bigint {
  if (span === 'forever') return FOREVER;
  if (span === 'none') return NO_SPAN;
  return BigInt(span);
}
