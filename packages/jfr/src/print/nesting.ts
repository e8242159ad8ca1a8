// SPDX-License-Identifier: Apache-2.0
import { JfrError } from '../error.ts';
import { MAX_ARRAY_NESTING } from '../skip.ts';

/**
 * The arrays of one printer. A class may hold an array of itself: what prints the elements is made at
 * the first element, and a damaged file may nest them no deeper than the reader follows.
 */
export class Nesting {
  #depth = 0;

  /** Makes the renderer of an array from that of its elements, which `make` gives when there is one. */
  array<E, A extends readonly unknown[], R>(
    make: () => E,
    render: (element: () => E, ...args: A) => R,
  ): (...args: A) => R {
    let made: E | undefined;
    const element = (): E => {
      made ??= make();
      return made;
    };
    return (...args) => {
      if (this.#depth >= MAX_ARRAY_NESTING) {
        throw new JfrError('JFR_BAD_METADATA', 'arrays nested too deeply');
      }
      this.#depth++;
      try {
        return render(element, ...args);
      } finally {
        this.#depth--;
      }
    };
  }
}
