// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { panSpan, spanWith, zoomSpan } from './span.ts';

const LENGTH = 1e9;
const spans = fc
  .tuple(
    fc.double({ min: 0, max: 0.9, noNaN: true }),
    fc.double({ min: 0.01, max: 1, noNaN: true }),
  )
  .map(([from, size]) => ({ from: from * LENGTH, to: Math.min(1, from + size) * LENGTH }));

describe('the part of an axis that is shown', () => {
  it('keeps what is under the pointer when it zooms, unless the axis ends', () => {
    fc.assert(
      fc.property(
        spans,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0.1, max: 10, noNaN: true }),
        (span, share, factor) => {
          const around = span.from + share * (span.to - span.from);
          const zoomed = zoomSpan(span, factor, around, LENGTH);
          expect(zoomed.from).toBeGreaterThanOrEqual(0);
          expect(zoomed.to).toBeLessThanOrEqual(LENGTH);
          expect(zoomed.to).toBeGreaterThan(zoomed.from);
          if (zoomed.from > 0 && zoomed.to < LENGTH) {
            expect((around - zoomed.from) / (zoomed.to - zoomed.from)).toBeCloseTo(share, 6);
          }
        },
      ),
    );
  });

  it('keeps its length when it is moved', () => {
    fc.assert(
      fc.property(spans, fc.double({ min: -2e9, max: 2e9, noNaN: true }), (span, by) => {
        const moved = panSpan(span, by, LENGTH);
        expect(moved.to - moved.from).toBeCloseTo(span.to - span.from, 0);
        expect(moved.from >= 0 && moved.to <= LENGTH).toBe(true);
      }),
    );
  });

  it('follows the playhead', () => {
    const span = { from: 100, to: 200 };
    expect(spanWith(span, 150, 1000)).toBe(span);
    expect(spanWith(span, 250, 1000)).toEqual({ from: 250, to: 350 });
    expect(spanWith(span, 980, 1000)).toEqual({ from: 900, to: 1000 });
    expect(spanWith(span, 20, 1000)).toEqual({ from: 20, to: 120 });
  });
});
