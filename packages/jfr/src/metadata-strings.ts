// SPDX-License-Identifier: Apache-2.0
// The string table of a metadata event: thousands of texts, of which few are ever asked for.
import { ByteCursor } from '@rekindle/bytes';
import { JfrError } from './error.ts';
import { readString, STRING_POOLED, skipString } from './string-encoding.ts';

/** Texts by index; each is decoded when first asked for. */
export class MetadataStrings {
  readonly length: number;
  readonly #bytes: Uint8Array;
  readonly #offsets: Uint32Array;
  readonly #texts: (string | undefined)[];

  /** `offsets`: where in the bytes each begins. */
  constructor(bytes: Uint8Array, offsets: Uint32Array) {
    this.length = offsets.length;
    this.#bytes = bytes;
    this.#offsets = offsets;
    this.#texts = new Array<string | undefined>(offsets.length).fill(undefined);
  }

  /** Steps over the table. Throws ByteError and JFR_BAD_METADATA (offset within the bytes). */
  static read(cursor: ByteCursor): MetadataStrings {
    const { bytes, limit } = cursor;
    const start = cursor.position;
    const count = cursor.varint();
    // each string takes a byte at least
    if (count > cursor.remaining) {
      throw new JfrError('JFR_BAD_METADATA', `string table of ${count} entries`, { offset: start });
    }
    const offsets = new Uint32Array(count);
    for (let index = 0; index < count; index++) {
      const at = cursor.position;
      offsets[index] = at;
      cursor.seek(skipString(bytes, at, limit));
      if (bytes[at] === STRING_POOLED) {
        throw new JfrError('JFR_BAD_METADATA', 'pooled string in the metadata', { offset: at });
      }
    }
    return new MetadataStrings(bytes, offsets);
  }

  /** Null is ''. Throws JFR_BAD_METADATA where there is none. */
  text(index: number): string {
    let text = this.#texts[index];
    if (text === undefined) {
      const offset = this.#offsets[index];
      if (offset === undefined) throw this.missing(index);
      const read = readString(new ByteCursor(this.#bytes, offset));
      text = typeof read === 'string' ? read : '';
      this.#texts[index] = text;
    }
    return text;
  }

  missing(index: number): JfrError {
    return new JfrError('JFR_BAD_METADATA', `string ${index} of ${this.length}`);
  }
}
