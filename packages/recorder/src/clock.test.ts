// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { clockPair, now } from './clock.ts';

describe('the clock', () => {
  it('is CLOCK_MONOTONIC within a microsecond', () => {
    const errors: number[] = [];
    for (let round = 0; round < 2000; round++) {
      const before = Number(process.hrtime.bigint());
      const ticks = now();
      const after = Number(process.hrtime.bigint());
      // how far outside of [before, after] it says to be
      errors.push(Math.max(0, before - ticks, ticks - after));
      expect(Number.isInteger(ticks)).toBe(true);
    }
    errors.sort((a, b) => a - b);
    expect(errors.at(-20)).toBeLessThan(1000);
  });

  it('never goes back', () => {
    let last = now();
    for (let round = 0; round < 10_000; round++) {
      const next = now();
      expect(next).toBeGreaterThanOrEqual(last);
      last = next;
    }
  });

  it('is paired with the wall clock to the millisecond', () => {
    const first = clockPair();
    const later = clockPair();
    const wall = Number(later.epochNanos - first.epochNanos);
    expect(Math.abs(wall - (later.ticks - first.ticks))).toBeLessThan(1.5e6);
    expect(Math.abs(Number(later.epochNanos / 1_000_000n) - Date.now())).toBeLessThan(50);
  });
});
