// SPDX-License-Identifier: Apache-2.0
// The part of an axis that the timeline shows.

/** Positions on an axis; `to` is larger than `from`. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** No closer than this share of the whole. */
const CLOSEST = 1e-4;

/** A span `factor` times as long, with the same position under the pointer, within the axis. */
export function zoomSpan(span: Span, factor: number, around: number, length: number): Span {
  const before = span.to - span.from;
  const after = Math.max(length * CLOSEST, Math.min(length, before * factor));
  const share = (around - span.from) / before;
  return within(around - share * after, after, length);
}

/** A span as long as it was, moved, within the axis. */
export function panSpan(span: Span, by: number, length: number): Span {
  return within(span.from + by, span.to - span.from, length);
}

/** The span moved so far that a position is in it: at its beginning, when it was not. */
export function spanWith(span: Span, position: number, length: number): Span {
  if (position >= span.from && position <= span.to) return span;
  return within(position, span.to - span.from, length);
}

function within(from: number, size: number, length: number): Span {
  const start = Math.max(0, Math.min(from, length - size));
  return { from: start, to: Math.min(length, start + size) };
}
