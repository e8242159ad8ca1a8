// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatTimespan, parseSize, parseTimespan } from './timespan.ts';

describe('timespans', () => {
  it.each([
    ['20 ms', 20e6],
    ['20ms', 20e6],
    ['1 s', 1e9],
    ['10m', 600e9],
    ['2 h', 7200e9],
    ['999 d', 999 * 86_400e9],
    ['5 us', 5000],
    ['0', 0],
    ['0 ns', 0],
    ['infinity', Number.POSITIVE_INFINITY],
  ])('%j is %d ns', (text, nanos) => {
    expect(parseTimespan(text)).toBe(nanos);
  });

  it.each(['', '20', 'ms', '-1 s', '1.5 s', '1 week', 'everyChunk'])('%j is none', (text) => {
    expect(parseTimespan(text)).toBeUndefined();
  });

  it('come back from their text', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 50 }), (nanos) => {
        expect(parseTimespan(formatTimespan(nanos))).toBe(nanos);
      }),
    );
    expect(formatTimespan(20e6)).toBe('20 ms');
    expect(formatTimespan(90e9)).toBe('90 s');
  });
});

describe('sizes', () => {
  it.each([
    ['8k', 8192],
    ['12M', 12_582_912],
    ['1g', 2 ** 30],
    ['100', 100],
    ['512KB', 524_288],
  ])('%j is %d bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(['', 'k', '-1', '1.5m', '1t'])('%j is none', (text) => {
    expect(parseSize(text)).toBeUndefined();
  });
});
