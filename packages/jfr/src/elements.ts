// SPDX-License-Identifier: Apache-2.0
// An array field of many constants as columns: the frames of stack traces, without an object for each.
import { ByteCursor, ByteError } from '@rekindle/bytes';
import { Columns } from './column.ts';
import { canCompile, runCompiledElements } from './compile.ts';
import { type DecodeContext, selectLeaves, sinkContext } from './decode-columns.ts';
import { JfrError } from './error.ts';
import { interpretElements } from './interpret.ts';
import type { Layouts, Leaf, Op } from './plan.ts';
import type { Pool, PoolIndex } from './pool.ts';
import { makeSink } from './sink.ts';
import { skipValue } from './skip.ts';

export interface Elements {
  /** The elements of constant i are rows `starts[i]` to `starts[i + 1]`. */
  readonly starts: Uint32Array;
  /** A row per element. A column is named as the element's field, or as the array where it has none. */
  readonly columns: Columns;
}

/**
 * Decodes the elements of the array `field` of some constants of a pool. Throws JFR_UNKNOWN_NAME where
 * there is no such array, or no such field in its elements.
 */
export function decodeElements(
  pool: Pool,
  field: string,
  constants: ArrayLike<PoolIndex>,
  fields: readonly string[] | undefined,
  context: DecodeContext,
): Elements {
  const { before, leaves } = arrayOf(pool, field, context.layouts);
  const selected = selectLeaves(pool.type, leaves, fields);
  try {
    return decode(pool, before, leaves, selected, constants, context);
  } catch (error) {
    // they were stepped over when the pool was indexed: only their content can be wrong
    if (!(error instanceof ByteError)) throw error;
    throw context.damage.error('JFR_BAD_CHECKPOINT', error.message, error.offset ?? 0);
  }
}

function decode(
  pool: Pool,
  before: readonly Op[],
  leaves: readonly Leaf[],
  selected: readonly boolean[],
  constants: ArrayLike<PoolIndex>,
  context: DecodeContext,
): Elements {
  const { bytes, layouts } = context;
  const starts = new Uint32Array(constants.length + 1);
  const positions = new Float64Array(constants.length);
  for (let index = 0; index < constants.length; index++) {
    const offset = pool.offset(constants[index]!);
    let count = 0;
    if (offset !== undefined) {
      const cursor = new ByteCursor(bytes, offset);
      for (const op of before) skipValue(op, layouts, cursor);
      count = cursor.varint();
      cursor.require(count); // an element takes a byte at least
      positions[index] = cursor.position;
    }
    starts[index + 1] = starts[index]! + count;
  }
  const rows = starts[constants.length]!;
  const shared = sinkContext(context);
  const sinks = leaves.map((leaf, index) =>
    selected[index] ? makeSink(leaf, rows, shared) : undefined,
  );
  const plain = context.mode === 'interpreted' || (context.mode === 'auto' && !canCompile());
  const run = plain ? interpretElements : runCompiledElements;
  run(bytes, leaves, layouts, positions, starts, sinks);
  const columns = sinks.flatMap((sink) => (sink ? [sink.finish(rows)] : []));
  return { starts, columns: new Columns(pool.type.name, rows, columns) };
}

/** What is before the array in a constant, and the parts of its elements. */
function arrayOf(
  { type }: Pool,
  name: string,
  layouts: Layouts,
): { before: readonly Op[]; leaves: readonly Leaf[] } {
  const { ops } = layouts.of(type);
  const index = type.fields.findIndex((field) => field.name === name);
  const op = ops[index];
  if (op?.kind !== 'array') {
    throw new JfrError('JFR_UNKNOWN_NAME', `${type.name} has no array ${name}`);
  }
  const { element } = op;
  const field = type.fields[index]!;
  const leaves =
    element.kind === 'struct'
      ? layouts.of(element.type).leaves
      : [{ path: name, field, op: element }];
  return { before: ops.slice(0, index), leaves };
}
