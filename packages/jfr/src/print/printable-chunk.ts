// SPDX-License-Identifier: Apache-2.0
// What the printers need of a chunk.
import type { ByteCursor } from '@rekindle/bytes';
import type { Layouts, Op } from '../plan.ts';
import type { Pool } from '../pool.ts';
import type { ClassType, Field } from '../type-model.ts';
import type { ChunkClock } from './chunk-clock.ts';

export interface PrintableChunk {
  readonly bytes: Uint8Array;
  readonly layouts: Layouts;
  readonly clock: ChunkClock;
  pool(type: ClassType): Pool;
  stringPool(): Pool | undefined;
}

/** Reads a value at the cursor; null where there is none. */
export type Render = (cursor: ByteCursor) => string | null;

/** The name by which printers know a class: recordings of JDK 9 and 10 (version 1) have another prefix. */
export function knownName({ name }: ClassType): string {
  return name.replace(/^com\.oracle\.jfr\.types\./, 'jdk.types.');
}

/** The one field of a simple type (Symbol, FrameType), which stands for the whole value. */
export function unwrap(
  type: ClassType,
  layouts: Layouts,
): { readonly op: Op; readonly field: Field } | undefined {
  if (!type.simple || type.fields.length !== 1) return undefined;
  return { op: layouts.of(type).ops[0]!, field: type.fields[0]! };
}
