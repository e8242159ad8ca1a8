// SPDX-License-Identifier: Apache-2.0
// Colours as the canvas stores them: one 32-bit word, red in the lowest byte (ABGR on little-endian
// machines, which every browser runs on).

/** `#rrggbb` as a canvas word, opaque. */
export function word(hex: string): number {
  const value = Number.parseInt(hex.slice(1), 16);
  const red = value >> 16;
  const green = (value >> 8) & 0xff;
  const blue = value & 0xff;
  return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
}

/** A canvas word as `#rrggbb`. */
export function hex(colour: number): string {
  const red = colour & 0xff;
  const green = (colour >> 8) & 0xff;
  const blue = (colour >> 16) & 0xff;
  return `#${((red << 16) | (green << 8) | blue).toString(16).padStart(6, '0')}`;
}

/** `a` with the share `t` (0 to 1) of `b`. */
export function mix(a: string, b: string, t: number): string {
  const part = (shift: number) => {
    const from = (Number.parseInt(a.slice(1), 16) >> shift) & 0xff;
    const to = (Number.parseInt(b.slice(1), 16) >> shift) & 0xff;
    return Math.round(from + (to - from) * t) << shift;
  };
  return `#${(part(16) | part(8) | part(0)).toString(16).padStart(6, '0')}`;
}

/** The colour at `t` (0 to 1) of a ramp of evenly spaced stops. */
export function ramp(stops: readonly string[], t: number): string {
  const at = Math.max(0, Math.min(1, t)) * (stops.length - 1);
  const low = Math.min(Math.floor(at), stops.length - 2);
  return mix(stops[low] as string, stops[low + 1] as string, at - low);
}
