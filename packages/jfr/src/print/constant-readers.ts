// SPDX-License-Identifier: Apache-2.0
// Readers of constants: one for each class and indentation, made when first asked for.
import { JfrError } from '../error.ts';
import type { ClassType } from '../type-model.ts';

/** Structs nest this deep at most; a thread group chain or a reference chain of a real file has a dozen. */
const MAX_INDENT = 400;

export class ConstantReaders<R> {
  readonly #make: (type: ClassType, indent: number) => R;
  readonly #readers: Map<string, R> = new Map();

  constructor(make: (type: ClassType, indent: number) => R) {
    this.#make = make;
  }

  /** Throws JFR_BAD_CHECKPOINT for constants that contain each other without end. */
  get(type: ClassType, indent: number): R {
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
}
