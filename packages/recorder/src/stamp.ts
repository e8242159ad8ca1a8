// SPDX-License-Identifier: Apache-2.0

/** `yyyy_MM_dd_HH_mm_ss` in local time, as the JDK names its chunks. */
export function stamp(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())];
  const time = [two(date.getHours()), two(date.getMinutes()), two(date.getSeconds())];
  return [...day, ...time].join('_');
}
