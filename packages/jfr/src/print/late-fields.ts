// SPDX-License-Identifier: Apache-2.0
// Fields that `jfr print` treats by name.
import type { ByteCursor } from '@rekindle/bytes';

/** Printed behind all others, in this order. */
export const LATE_FIELDS: readonly string[] = ['eventThread', 'stackTrace'];

export function isLate(name: string): boolean {
  return LATE_FIELDS.includes(name);
}

/** Whether the varint just read from `start` was a zero: a duration of 0 is not printed. */
export function isZeroDuration(cursor: ByteCursor, start: number): boolean {
  for (let at = start; at < cursor.position; at++) {
    if ((cursor.bytes[at]! & 0x7f) !== 0) return false;
  }
  return true;
}
