// SPDX-License-Identifier: Apache-2.0
import { ByteCursor } from '@rekindle/bytes';
import { JfrError } from '../error.ts';
import type { ClassType } from '../type-model.ts';
import { ConstantReaders } from './constant-readers.ts';
import type { PrintableChunk, Render } from './printable-chunk.ts';

/** What one constant may come to: constants that contain each other double with every level. */
const MOST = 2 ** 26;

/** Texts of pool entries, made when first asked for, once for each indentation. */
export class ConstantTexts {
  readonly #chunk: PrintableChunk;
  readonly #compile: (type: ClassType, indent: number) => Render;
  readonly #readers: ConstantReaders<Render>;

  constructor(chunk: PrintableChunk, compile: (type: ClassType, indent: number) => Render) {
    this.#chunk = chunk;
    this.#compile = compile;
    this.#readers = new ConstantReaders((type, indent) => this.#make(type, indent));
  }

  /** Reads a key and returns the text of the constant; null for a key that the pool does not hold. */
  reader(type: ClassType, indent: number): Render {
    return this.#readers.get(type, indent);
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
      if (text !== null && text.length > MOST) {
        throw new JfrError('JFR_EVENT_OVERRUN', `a constant of more than ${MOST} characters`);
      }
      texts[index] = text;
      return text;
    };
  }
}
