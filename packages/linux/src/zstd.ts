// SPDX-License-Identifier: Apache-2.0
// Compression by the system's libzstd: Node 20 has none of its own, and Debian and Ubuntu install the
// library with dpkg itself.
import { loadZstdFunctions, type ZstdFunctions } from './foreign.ts';
import { type Mapping, mapAnonymous } from './mapping.ts';

/** zstd could not be loaded, or refused its input. */
export class ZstdError extends Error {
  override readonly name = 'ZstdError';
  readonly code: 'ZSTD_MISSING' | 'ZSTD_REFUSED';
  readonly hint: string;

  constructor(code: 'ZSTD_MISSING' | 'ZSTD_REFUSED', message: string, hint = '') {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

/** Where input is staged: what we write ourselves is far smaller. */
const STAGE = 1 << 20;

/** Compresses and decompresses; one call at a time, but for {@link Zstd.decompressAside}. */
export class Zstd {
  readonly #functions: ZstdFunctions;
  #input: Mapping | undefined;
  #output: Mapping | undefined;
  /** Where input of other threads lies, between their calls. */
  readonly #spare: Mapping[] = [];

  constructor() {
    try {
      this.#functions = loadZstdFunctions();
    } catch (error) {
      const hint = 'install libzstd (Debian and Ubuntu: apt-get install libzstd1)';
      throw new ZstdError('ZSTD_MISSING', `no libzstd: ${(error as Error).message}`, hint);
    }
  }

  #stage(bytes: Uint8Array): number {
    if (this.#input === undefined || this.#input.length < bytes.length) {
      this.#input?.unmap();
      this.#input = mapAnonymous(Math.max(bytes.length, STAGE));
    }
    new Uint8Array(this.#input.bytes(0, bytes.length)).set(bytes);
    return this.#input.address;
  }

  /** @param level 1 to 19 */
  compress(bytes: Uint8Array, level = 3): Uint8Array {
    const from = this.#stage(bytes);
    const capacity = this.#functions.bound(bytes.length);
    if (this.#output === undefined || this.#output.length < capacity) {
      this.#output?.unmap();
      this.#output = mapAnonymous(Math.max(capacity, STAGE));
    }
    const { address } = this.#output;
    const length = this.#functions.compress(address, capacity, from, bytes.length, level);
    if (!(length <= capacity)) {
      throw new ZstdError('ZSTD_REFUSED', `zstd could not compress ${bytes.length} bytes`);
    }
    return new Uint8Array(this.#output.bytes(0, length)).slice();
  }

  /**
   * Decompresses to an address that has room for `capacity` bytes.
   * @returns bytes written
   * @throws ZstdError ZSTD_REFUSED when the input is damaged or needs more room
   */
  decompressTo(address: number, capacity: number, bytes: Uint8Array): number {
    const from = this.#stage(bytes);
    const length = this.#functions.decompress(address, capacity, from, bytes.length);
    if (!(length <= capacity)) {
      throw new ZstdError('ZSTD_REFUSED', `zstd could not decompress ${bytes.length} bytes`);
    }
    return length;
  }

  /**
   * The same in a thread of the pool that Node.js keeps, several at a time.
   * SAFETY: the room at `address` must stay mapped until the promise settles.
   */
  async decompressAside(address: number, capacity: number, bytes: Uint8Array): Promise<number> {
    const input = this.#spare.pop() ?? mapAnonymous(STAGE);
    // Larger than any that comes twice: mapped for this once.
    const room = bytes.length <= input.length ? input : mapAnonymous(bytes.length);
    try {
      new Uint8Array(room.bytes(0, bytes.length)).set(bytes);
      const length = await this.#functions.decompressAside(
        address,
        capacity,
        room.address,
        bytes.length,
      );
      if (length <= capacity) return length;
      throw new ZstdError('ZSTD_REFUSED', `zstd could not decompress ${bytes.length} bytes`);
    } finally {
      if (room !== input) room.unmap();
      this.#spare.push(input);
    }
  }

  /** Gives its buffers back; nothing may be under way. */
  close(): void {
    for (const input of this.#spare.splice(0)) input.unmap();
    this.#input?.unmap();
    this.#output?.unmap();
    this.#input = undefined;
    this.#output = undefined;
  }
}
