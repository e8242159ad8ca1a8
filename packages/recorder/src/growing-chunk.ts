// SPDX-License-Identifier: Apache-2.0
// The chunk files of a repository as those see them who read while the last one is written.
import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import {
  type ChunkHeader,
  decodeHeader,
  encodeHeader,
  HEADER_SIZE,
  STATE_FINISHED,
  STATE_UPDATING,
} from '@rekindle/jfr/writing';

/** How often a header is read again when it is being rewritten at this very moment. */
const TORN_RETRIES = 1000;

/** Names of the finished and growing chunks in a directory. */
export function listChunks(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => name.endsWith('.jfr'));
  } catch {
    // not there yet, or not any more
    return [];
  }
}

/** A chunk file that grows while it is read. */
export class GrowingChunk {
  readonly #descriptor: number;
  #bytes = new Uint8Array(1 << 16);
  #have = HEADER_SIZE;

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** Undefined when there is no such file, or not yet a header in it. */
  static open(path: string): GrowingChunk | undefined {
    let descriptor: number;
    try {
      descriptor = openSync(path, 'r');
    } catch {
      return undefined;
    }
    if (fstatSync(descriptor).size >= HEADER_SIZE) return new GrowingChunk(descriptor);
    closeSync(descriptor);
    return undefined;
  }

  /** A header that was not rewritten while it was read. */
  readHeader(): ChunkHeader {
    for (let retry = 0; ; retry++) {
      const header = decodeHeader(this.#slice(0, HEADER_SIZE));
      const again = decodeHeader(this.#slice(0, HEADER_SIZE));
      const whole = header.state === again.state && header.size === again.size;
      if ((whole && header.state !== STATE_UPDATING) || retry >= TORN_RETRIES) return header;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }

  /** The chunk as its header describes it; what was read before is not read again. */
  read(header: ChunkHeader): Uint8Array {
    if (header.size > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(header.size, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, this.#have));
      this.#bytes = grown;
    }
    if (header.size > this.#have) {
      this.#bytes.set(this.#slice(this.#have, header.size), this.#have);
      this.#have = header.size;
    }
    const bytes = this.#bytes.slice(0, header.size);
    // the file may have moved on since: the copy gets the header it was read by, as of a whole chunk
    bytes.set(encodeHeader({ ...header, state: STATE_FINISHED }));
    return bytes;
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #slice(start: number, end: number): Uint8Array {
    const bytes = new Uint8Array(end - start);
    let filled = 0;
    while (filled < bytes.length) {
      const count = readSync(
        this.#descriptor,
        bytes,
        filled,
        bytes.length - filled,
        start + filled,
      );
      if (count === 0) throw new Error(`the chunk ends at byte ${start + filled} of ${end}`);
      filled += count;
    }
    return bytes;
  }
}
