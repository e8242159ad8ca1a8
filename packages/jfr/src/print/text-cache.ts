// SPDX-License-Identifier: Apache-2.0
// Texts of constants, made once and then copied. What they take is bounded: a file of many deep stack
// traces has more text in its constants than anyone has memory for.

/** Bytes of text kept at a time; then it begins anew. */
const BUDGET = 48 << 20;
const BLOCK = 1 << 20;
/** Stands for a constant that is null. */
export const NO_TEXT: Uint8Array = new Uint8Array(0);

/** Texts of one kind of constants, by index. */
export type TextTable = (Uint8Array | undefined)[];

/** The texts of one chunk. */
export class TextCache {
  readonly #tables: TextTable[] = [];
  #block: Uint8Array = new Uint8Array(0);
  #used = 0;
  #kept = 0;

  /** A place for the texts of `length` constants. */
  table(length: number): TextTable {
    const table: TextTable = new Array<undefined>(length).fill(undefined);
    this.#tables.push(table);
    return table;
  }

  /** Puts a copy of a text, or NO_TEXT, into a table. */
  add(table: TextTable, index: number, text: Uint8Array): void {
    table[index] = text === NO_TEXT ? NO_TEXT : this.#keep(text);
  }

  #keep(text: Uint8Array): Uint8Array {
    const { length } = text;
    this.#kept += length;
    if (this.#kept > BUDGET) {
      for (const table of this.#tables) table.fill(undefined);
      this.#kept = length;
      this.#used = this.#block.length;
    }
    if (length > BLOCK / 4) return text.slice();
    if (this.#used + length > this.#block.length) {
      this.#block = new Uint8Array(BLOCK);
      this.#used = 0;
    }
    const kept = this.#block.subarray(this.#used, this.#used + length);
    kept.set(text);
    this.#used += length;
    return kept;
  }
}
