// SPDX-License-Identifier: Apache-2.0
// The address space of one process, as far as it is in memory.

/** Addresses of the user's half: exact as numbers. */
export interface VirtualMemory {
  /** The bytes at an address, within one page of 4096; undefined when that page is not in memory. */
  page(address: number): DataView | undefined;
}

const PAGE = 4096;
const latin1 = new TextDecoder('latin1');
const utf8 = new TextDecoder();

/** Reads numbers and texts of an address space; what is not in memory reads as undefined. */
export class VirtualReader {
  readonly #memory: VirtualMemory;
  readonly #pages = new Map<number, DataView | undefined>();

  constructor(memory: VirtualMemory) {
    this.#memory = memory;
  }

  u8(address: number): number | undefined {
    const within = address % PAGE;
    return address >= PAGE ? this.#page(address - within)?.getUint8(within) : undefined;
  }

  u16(address: number): number | undefined {
    const within = address % PAGE;
    if (!(address >= PAGE && within + 2 <= PAGE)) return undefined;
    return this.#page(address - within)?.getUint16(within, true);
  }

  u32(address: number): number | undefined {
    const within = address % PAGE;
    if (!(address >= PAGE && within + 4 <= PAGE)) return undefined;
    return this.#page(address - within)?.getUint32(within, true);
  }

  /** A pointer or size below 2^53; undefined for a larger one too. */
  u64(address: number): number | undefined {
    const low = this.u32(address);
    const high = this.u32(address + 4);
    if (low === undefined || high === undefined || high >= 0x20_0000) return undefined;
    return high * 0x1_0000_0000 + low;
  }

  /** A text that ends with NUL, at most `most` bytes of it. */
  text(address: number, most: number): string | undefined {
    let text = '';
    for (let at = address; text.length < most; ) {
      const bytes = this.#rest(at);
      if (bytes === undefined) return undefined;
      const end = bytes.indexOf(0);
      text += latin1.decode(end < 0 ? bytes : bytes.subarray(0, end));
      if (end >= 0) break;
      at += bytes.length;
    }
    return text.slice(0, most);
  }

  /** So many bytes of text in UTF-8. */
  utf8(address: number, length: number): string | undefined {
    const all = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const bytes = this.#rest(address + done);
      if (bytes === undefined) return undefined;
      const part = bytes.subarray(0, length - done);
      all.set(part, done);
      done += part.length;
    }
    return utf8.decode(all);
  }

  /** What follows of the page at an address. */
  #rest(address: number): Uint8Array | undefined {
    const within = address % PAGE;
    const page = address >= PAGE ? this.#page(address - within) : undefined;
    if (page === undefined) return undefined;
    return new Uint8Array(page.buffer, page.byteOffset + within, page.byteLength - within);
  }

  #page(address: number): DataView | undefined {
    const known = this.#pages.get(address);
    if (known !== undefined || this.#pages.has(address)) return known;
    const page = this.#memory.page(address);
    this.#pages.set(address, page);
    return page;
  }
}
