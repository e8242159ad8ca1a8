// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { settledFaults } from './settle.ts';

const millis = (...times: number[]): number[] => times.map((time) => time * 1e6);
/** `count` faults, evenly from `from` to `to` milliseconds. */
const burst = (from: number, to: number, count: number): number[] =>
  millis(...Array.from({ length: count }, (_, i) => from + ((to - from) * i) / count));

describe('settledFaults', () => {
  it('ends where the fault rate falls', () => {
    const times = [...burst(0, 250, 1000), ...burst(900, 1000, 50)];
    const settled = settledFaults(times);
    expect(settled).toBeGreaterThanOrEqual(800);
    expect(settled).toBeLessThanOrEqual(1000);
  });

  it('lets a pause pass that is shorter than quiet, and stray faults not keep it going', () => {
    expect(settledFaults([...burst(0, 210, 500), ...burst(400, 500, 500)])).toBeGreaterThan(900);
    expect(settledFaults([...burst(0, 210, 500), ...millis(300, 600, 900, 1200)])).toBeLessThan(
      505,
    );
  });

  it('ends after the longest time in any case', () => {
    const settled = settledFaults(burst(0, 4000, 4000));
    expect(settled).toBeGreaterThanOrEqual(2000);
    expect(settled).toBeLessThanOrEqual(2001);
  });

  it('always keeps a beginning: something of anything, never more than all', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5e9 })), (times) => {
        const settled = settledFaults(times.sort((a, b) => a - b));
        expect(settled).toBeLessThanOrEqual(times.length);
        if (times.length > 0) expect(settled).toBeGreaterThan(0);
      }),
    );
  });
});
