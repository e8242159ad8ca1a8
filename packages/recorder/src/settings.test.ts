// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { mergeSettings, perSecond } from './settings.ts';

describe('settings of recordings that run at once', () => {
  it.each([
    ['enabled', 'false', 'true', 'true'],
    ['stackTrace', 'true', 'false', 'true'],
    ['threshold', '20 ms', '10 ms', '10 ms'],
    ['threshold', '0 ns', '1 s', '0 ns'],
    ['cutoff', '1 h', 'infinity', 'infinity'],
    ['period', '1000 ms', '10 s', '1000 ms'],
    ['period', 'everyChunk', '10 s', '10 s'],
    ['period', 'beginChunk', 'endChunk', 'everyChunk'],
    ['period', 'endChunk', 'endChunk', 'endChunk'],
    ['throttle', '150/s', '300/s', '300/s'],
    ['throttle', '10/ms', 'off', 'off'],
  ])('share the more generous %s of %s and %s', (name, a, b, merged) => {
    const of = (first: string, second: string): string | undefined =>
      mergeSettings([{ [`x.Y#${name}`]: first }, { [`x.Y#${name}`]: second }]).events['x.Y']?.[
        name
      ];
    expect(of(a, b)).toBe(merged);
    expect(of(b, a)).toBe(merged);
  });

  it('are nothing when nothing runs, and ignore what is no setting', () => {
    expect(mergeSettings([])).toEqual({ recording: false, events: {} });
    expect(mergeSettings([{ nonsense: 'x', '#y': 'z' }])).toEqual({ recording: true, events: {} });
  });

  it('know rates', () => {
    expect(perSecond('150/s')).toBe(150);
    expect(perSecond('1/m')).toBeCloseTo(1 / 60);
    expect(perSecond('off')).toBe(Number.POSITIVE_INFINITY);
  });
});
