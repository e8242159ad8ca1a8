// SPDX-License-Identifier: Apache-2.0
// Columns while they grow; `finish` gives the exact typed array.
type Numbers = Float64Array | Uint32Array | Int32Array | Uint8Array;

/** A typed array that doubles when it is full. */
export class Growing<A extends Numbers> {
  length = 0;
  #array: A;
  readonly #make: (length: number) => A;

  constructor(make: (length: number) => A) {
    this.#make = make;
    this.#array = make(256);
  }

  push(value: number): void {
    if (this.length === this.#array.length) {
      const wider = this.#make(this.length * 2);
      wider.set(this.#array);
      this.#array = wider;
    }
    this.#array[this.length++] = value;
  }

  get(index: number): number {
    return this.#array[index]!;
  }

  set(index: number, value: number): void {
    this.#array[index] = value;
  }

  finish(): A {
    return this.#array.slice(0, this.length) as A;
  }
}

export const float64 = (): Growing<Float64Array> => new Growing((n) => new Float64Array(n));
export const uint32 = (): Growing<Uint32Array> => new Growing((n) => new Uint32Array(n));
export const int32 = (): Growing<Int32Array> => new Growing((n) => new Int32Array(n));
export const uint8 = (): Growing<Uint8Array> => new Growing((n) => new Uint8Array(n));

/** Strings by number: each different string once. */
export class StringTable {
  readonly #index = new Map<string, number>();
  readonly strings: string[] = [];

  add(text: string): number {
    let index = this.#index.get(text);
    if (index === undefined) {
      index = this.strings.length;
      this.#index.set(text, index);
      this.strings.push(text);
    }
    return index;
  }
}
