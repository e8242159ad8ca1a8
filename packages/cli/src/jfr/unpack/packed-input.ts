// SPDX-License-Identifier: Apache-2.0

/** Packed bytes that do not unpack; the message goes on from the name of the file. */
export class UnpackError extends Error {
  readonly code = 'EPACKED';
}

/** Bytes that come in pieces, taken in the portions a format is made of. */
export class PackedInput {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #piece: Uint8Array = new Uint8Array(0);

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  /** Whether there is another byte. */
  async more(): Promise<boolean> {
    while (this.#piece.length === 0) {
      const { done, value } = await this.#pieces.next();
      if (done) return false;
      this.#piece = value;
    }
    return true;
  }

  /** So many bytes. Throws UnpackError where there are fewer. */
  async take(count: number): Promise<Uint8Array> {
    if (count <= this.#piece.length) return this.#cut(count);
    const bytes = new Uint8Array(count);
    let filled = 0;
    while (filled < count) {
      const part = await this.#some(count - filled);
      bytes.set(part, filled);
      filled += part.length;
    }
    return bytes;
  }

  async skip(count: number): Promise<void> {
    for (let left = count; left > 0; ) left -= (await this.#some(left)).length;
  }

  /** A little-endian number of four bytes. */
  async u32(): Promise<number> {
    const [a = 0, b = 0, c = 0, d = 0] = await this.take(4);
    return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
  }

  async #some(most: number): Promise<Uint8Array> {
    if (!(await this.more())) throw new UnpackError('ends in the middle: it is not whole');
    return this.#cut(Math.min(most, this.#piece.length));
  }

  #cut(count: number): Uint8Array {
    const bytes = this.#piece.subarray(0, count);
    this.#piece = this.#piece.subarray(count);
    return bytes;
  }
}
