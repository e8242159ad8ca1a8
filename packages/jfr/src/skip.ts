// SPDX-License-Identifier: Apache-2.0
// Steps over values without reading them: constant pools are indexed long before anyone asks what is
// in them.
import type { ByteCursor } from '@rekindle/bytes';
import { JfrError } from './error.ts';
import type { Layouts, Op } from './plan.ts';
import { skipString, skipVarint } from './string-encoding.ts';

/** Arrays nest this deep at most (a stack trace's frames: one). */
export const MAX_ARRAY_NESTING = 32;

/** Moves the cursor past one value. Throws ByteError where it does not fit. */
export function skipValue(op: Op, layouts: Layouts, cursor: ByteCursor, depth = 0): void {
  switch (op.kind) {
    case 'boolean':
    case 'byte':
      cursor.skip(1);
      return;
    case 'short':
    case 'char':
    case 'int':
    case 'long':
    case 'reference':
      cursor.seek(skipVarint(cursor.bytes, cursor.position));
      return;
    case 'float':
      cursor.skip(4);
      return;
    case 'double':
      cursor.skip(8);
      return;
    case 'string':
      cursor.seek(skipString(cursor.bytes, cursor.position, cursor.limit));
      return;
    case 'struct':
      for (const part of layouts.of(op.type).ops) skipValue(part, layouts, cursor, depth);
      return;
    case 'array': {
      if (depth > MAX_ARRAY_NESTING) {
        throw new JfrError('JFR_BAD_METADATA', 'arrays nested too deeply');
      }
      const count = cursor.varint();
      cursor.require(count);
      for (let index = 0; index < count; index++) {
        skipValue(op.element, layouts, cursor, depth + 1);
      }
      return;
    }
  }
}
