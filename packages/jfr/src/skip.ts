// SPDX-License-Identifier: Apache-2.0
// Steps over values without reading them: constant pools are indexed long before anyone asks what is
// in them.
import type { ByteCursor } from '@rekindle/bytes';
import { JfrError } from './error.ts';
import type { Layouts, Op } from './plan.ts';
import { skipString, skipVarint } from './string-encoding.ts';

/** Arrays nest this deep at most (a stack trace's frames: one). */
export const MAX_ARRAY_NESTING = 32;

/**
 * How many varints a value is, where it is nothing else (a stack frame, a class, a method): these are
 * most of what a checkpoint holds. -1 otherwise.
 */
function varintsOf(op: Op, layouts: Layouts): number {
  if (op.kind !== 'struct') return VARINTS.has(op.kind) ? 1 : -1;
  const { leaves } = layouts.of(op.type);
  return leaves.every((leaf) => VARINTS.has(leaf.op.kind)) ? leaves.length : -1;
}

const VARINTS: ReadonlySet<Op['kind']> = new Set(['short', 'char', 'int', 'long', 'reference']);
const counted: WeakMap<Op, number> = new WeakMap();

/** Position after `count` varints; beyond `limit` when they do not fit. */
function skipVarints(bytes: Uint8Array, start: number, limit: number, count: number): number {
  let at = start;
  for (let left = count; left > 0; left--) {
    if (bytes[at]! > 127) at = skipVarint(bytes, at);
    else at++;
    if (at > limit) return at;
  }
  return at;
}

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
      let varints = counted.get(op);
      if (varints === undefined) {
        varints = varintsOf(op.element, layouts);
        counted.set(op, varints);
      }
      if (varints >= 0) {
        const { bytes, position, limit } = cursor;
        cursor.seek(skipVarints(bytes, position, limit, count * varints));
        return;
      }
      for (let index = 0; index < count; index++) {
        skipValue(op.element, layouts, cursor, depth + 1);
      }
      return;
    }
  }
}
