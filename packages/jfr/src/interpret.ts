// SPDX-License-Identifier: Apache-2.0
// The plain decoder: every read checked, nothing generated. The judge of the compiled one, and the path
// where code generation is forbidden.
import { ByteCursor, ByteError } from '@rekindle/bytes';
import { JfrError } from './error.ts';
import type { Layouts, Leaf } from './plan.ts';
import { payload, type Sink, skipLeaf } from './sink.ts';

/**
 * Decodes the events at `offsets` into `sinks[i]` for leaf i, and skips where that is undefined. Returns
 * the rows whose fields do not fit their event: nothing in those rows is to be trusted.
 */
export function interpret(
  bytes: Uint8Array,
  leaves: readonly Leaf[],
  layouts: Layouts,
  offsets: ArrayLike<number>,
  sinks: readonly (Sink | undefined)[],
): number[] {
  const last = sinks.findLastIndex((sink) => sink !== undefined);
  const misfits: number[] = [];
  for (let row = 0; row < offsets.length; row++) {
    try {
      const cursor = payload(bytes, offsets[row]!);
      for (let index = 0; index <= last; index++) {
        const sink = sinks[index];
        if (sink === undefined) skipLeaf(leaves[index]!, layouts, cursor);
        else sink.read(cursor, row);
      }
    } catch (error) {
      if (!(error instanceof ByteError || error instanceof JfrError)) throw error;
      misfits.push(row);
    }
  }
  return misfits;
}

/**
 * Decodes elements that lie one after the other from each of the positions: rows `starts[i]` to
 * `starts[i + 1]` from position i. Throws ByteError where they do not fit.
 */
export function interpretElements(
  bytes: Uint8Array,
  leaves: readonly Leaf[],
  layouts: Layouts,
  positions: ArrayLike<number>,
  starts: ArrayLike<number>,
  sinks: readonly (Sink | undefined)[],
): void {
  for (let group = 0; group < positions.length; group++) {
    const cursor = new ByteCursor(bytes, positions[group]!);
    for (let row = starts[group]!; row < starts[group + 1]!; row++) {
      for (let index = 0; index < leaves.length; index++) {
        const sink = sinks[index];
        if (sink === undefined) skipLeaf(leaves[index]!, layouts, cursor);
        else sink.read(cursor, row);
      }
    }
  }
}
