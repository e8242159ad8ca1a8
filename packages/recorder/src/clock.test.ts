// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { clockPair, now } from './clock.ts';

describe('the clock', () => {
  it('is CLOCK_MONOTONIC', () => {
    for (let round = 0; round < 2000; round++) {
      const before = Number(process.hrtime.bigint());
      const ticks = now();
      const after = Number(process.hrtime.bigint());
      expect(ticks).toBeGreaterThanOrEqual(before);
      expect(ticks).toBeLessThanOrEqual(after);
      expect(Number.isInteger(ticks)).toBe(true);
    }
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
