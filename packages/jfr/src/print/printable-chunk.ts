// SPDX-License-Identifier: Apache-2.0
// What the printers need of a chunk, and the texts of its constants.
import { ByteCursor } from '@rekindle/bytes';
import { JfrError } from '../error.ts';
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

/** Structs nest this deep at most; a thread group chain or a reference chain of a real file has a dozen. */
const MAX_INDENT = 400;

/** The one field of a simple type (Symbol, FrameType), which stands for the whole value. */
export function unwrap(
  type: ClassType,
  layouts: Layouts,
): { readonly op: Op; readonly field: Field } | undefined {
  if (!type.simple || type.fields.length !== 1) return undefined;
  return { op: layouts.of(type).ops[0]!, field: type.fields[0]! };
}

/** Texts of pool entries, made when first asked for, once for each indentation. */
export class ConstantTexts {
  readonly #chunk: PrintableChunk;
  readonly #compile: (type: ClassType, indent: number) => Render;
  readonly #readers: Map<string, Render> = new Map();

  constructor(chunk: PrintableChunk, compile: (type: ClassType, indent: number) => Render) {
    this.#chunk = chunk;
    this.#compile = compile;
  }

  /** Reads a key and returns the text of the constant; null for a key that the pool does not hold. */
  reader(type: ClassType, indent: number): Render {
    if (indent > MAX_INDENT) {
      throw new JfrError(
        'JFR_BAD_CHECKPOINT',
        `constants of ${type.name} contain each other without end`,
      );
    }
    const name = `${type.id} ${indent}`;
    let reader = this.#readers.get(name);
    if (!reader) {
      reader = this.#make(type, indent);
      this.#readers.set(name, reader);
    }
    return reader;
  }

  #make(type: ClassType, indent: number): Render {
    const pool = this.#chunk.pool(type);
    const { bytes } = this.#chunk;
    const texts: (string | null | undefined)[] = [];
    // Compiled at the first constant: classes refer to each other (a loader has a class has a loader).
    let render: Render | undefined;
    return (cursor) => {
      const index = pool.indexOf(cursor.long());
      if (index < 0) return null;
      const known = texts[index];
      if (known !== undefined) return known;
      render ??= this.#compile(type, indent);
      const text = render(new ByteCursor(bytes, pool.offset(index) ?? 0));
      texts[index] = text;
      return text;
    };
  }
}
