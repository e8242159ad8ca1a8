// SPDX-License-Identifier: Apache-2.0
// From events of one type to columns.
import { ByteCursor } from '@rekindle/bytes';
import type { Arena } from './arena.ts';
import type { ChunkPools } from './chunk-pools.ts';
import { Columns } from './column.ts';
import { canCompile, runCompiled } from './compile.ts';
import { JfrError } from './error.ts';
import { held } from './held.ts';
import { interpret } from './interpret.ts';
import type { Damage } from './loss.ts';
import type { Layouts, Leaf } from './plan.ts';
import { makeSink, payload, type Sink, type SinkContext } from './sink.ts';
import type { ClassType } from './type-model.ts';

/** `auto` compiles where the environment allows it. */
export type DecodeMode = 'auto' | 'compiled' | 'interpreted';

export interface DecodeContext {
  readonly bytes: Uint8Array;
  readonly layouts: Layouts;
  readonly pools: ChunkPools;
  readonly startTicks: bigint;
  readonly mode: DecodeMode;
  readonly damage: Damage;
  /** Where the arrays of columns are to be. */
  readonly arena?: Arena | undefined;
}

/**
 * Decodes the events of a type at `offsets`; all fields, or those named. Events that do not fit their
 * size are damage: an error when strict, left out when salvaging.
 */
export function decodeColumns(
  type: ClassType,
  offsets: Uint32Array,
  fields: readonly string[] | undefined,
  context: DecodeContext,
): Columns {
  const { bytes, layouts, damage } = context;
  const { leaves } = layouts.of(type);
  const selected = selectLeaves(type, leaves, fields);
  const shared = sinkContext(context);
  const plain = context.mode === 'interpreted' || (context.mode === 'auto' && !canCompile());
  const run = plain ? interpret : runCompiled;
  let rows = longEnough(bytes, offsets, selected, (offset) => misfit(bytes, type, offset, damage));
  for (;;) {
    const sinks: (Sink | undefined)[] = leaves.map((leaf, index) =>
      selected[index] ? makeSink(leaf, rows.length, shared) : undefined,
    );
    const misfits = new Set(run(bytes, leaves, layouts, rows, sinks));
    if (misfits.size === 0) {
      const columns = sinks.flatMap((sink) => (sink ? [sink.finish(rows.length)] : []));
      return new Columns(type.name, rows.length, columns);
    }
    for (const row of misfits) misfit(bytes, type, rows[row]!, damage);
    rows = rows.filter((_, row) => !misfits.has(row));
  }
}

/** What sinks may ask. */
export function sinkContext(context: DecodeContext): SinkContext {
  const { bytes, layouts, startTicks, pools, arena } = context;
  return {
    bytes,
    arena,
    layouts,
    startTicks,
    pool: ({ op }) => pools.pool((op as { readonly type: ClassType }).type),
    stringPool: () => pools.stringPool(),
    readAt: (leaf, at) =>
      pools.values.readField(leaf.field, leaf.op, new ByteCursor(held(bytes), at)),
  };
}

/** Which leaves the names mean; all when there are none. Throws JFR_UNKNOWN_NAME. */
export function selectLeaves(
  type: ClassType,
  leaves: readonly Leaf[],
  fields: readonly string[] | undefined,
): boolean[] {
  if (fields === undefined) return leaves.map(() => true);
  const names = (path: string, field: string): boolean =>
    path === field || path.startsWith(`${field}.`);
  for (const field of fields) {
    if (!leaves.some(({ path }) => names(path, field))) {
      throw new JfrError(
        'JFR_UNKNOWN_NAME',
        `${type.name} has no field ${field}`,
        {},
        `fields are ${leaves.map(({ path }) => path).join(', ')}`,
      );
    }
  }
  return leaves.map(({ path }) => fields.some((field) => names(path, field)));
}

/**
 * Drops events with fewer bytes than they have fields, before memory is set aside for their rows: what
 * is set aside stays within a small multiple of the file.
 */
function longEnough(
  bytes: Uint8Array,
  offsets: Uint32Array,
  selected: readonly boolean[],
  tooShort: (offset: number) => void,
): Uint32Array {
  const least = selected.lastIndexOf(true) + 1;
  if (offsets.length === 0) return offsets;
  const span = offsets[offsets.length - 1]! - offsets[0]!;
  if (offsets.length * least < Math.max(span, FREE_ROWS)) return offsets;
  return offsets.filter((offset) => {
    const cursor = payload(bytes, offset);
    if (cursor.remaining >= least) return true;
    tooShort(offset);
    return false;
  });
}

/** Fewer values than this need no such care. */
const FREE_ROWS: number = 2 ** 20;

function misfit(bytes: Uint8Array, type: ClassType, offset: number, damage: Damage): void {
  const reason = `the fields of ${type.name} do not fit the event`;
  const error = damage.error('JFR_EVENT_OVERRUN', reason, offset);
  damage.report('event', error, offset, payload(bytes, offset).limit - offset);
}
