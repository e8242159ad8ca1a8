// SPDX-License-Identifier: Apache-2.0
// Writes the bytes that a test wants to be read: little-endian words at physical addresses, BTF from a
// description of structures, page tables from what they shall map.

/** A 64-bit value as its halves, upper first. */
export type Halves = readonly [high: number, low: number];

export class Image {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: number) {
    this.bytes = new Uint8Array(bytes);
    this.#view = new DataView(this.bytes.buffer);
  }

  u32(at: number, value: number): void {
    this.#view.setUint32(at, value >>> 0, true);
  }

  u64(at: number, [high, low]: Halves): void {
    this.u32(at, low);
    this.u32(at + 4, high);
  }

  text(at: number, text: string): void {
    this.bytes.set(new TextEncoder().encode(text), at);
  }

  put(at: number, bytes: Uint8Array): void {
    this.bytes.set(bytes, at);
  }
}

/** Members as [name, byte offset, type]; a name '' is an anonymous member of that type. */
export type Members = readonly (readonly [name: string, offset: number, type?: string])[];

export interface Layout {
  readonly size: number;
  readonly members: Members;
}

/** BTF of these structures and enumerations. Names in brackets are those of anonymous types. */
export function assembleBtf(
  structs: Readonly<Record<string, Layout>>,
  enums: Readonly<Record<string, Readonly<Record<string, number>>>> = {},
): Uint8Array {
  const names = Object.keys(structs);
  const strings: number[] = [0];
  const known = new Map<string, number>([['', 0]]);
  const string = (text: string): number => {
    let offset = known.get(text);
    if (offset === undefined) {
      offset = strings.length;
      known.set(text, offset);
      strings.push(...new TextEncoder().encode(text), 0);
    }
    return offset;
  };
  const words: number[] = [];
  // An int first, so that no structure has the id 1, and a member without type has one.
  words.push(string('int'), 1 << 24, 4, 32);
  const idOf = (name: string | undefined) => (name === undefined ? 1 : names.indexOf(name) + 2);
  for (const name of names) {
    const { size, members } = structs[name]!;
    words.push(name.startsWith('(') ? 0 : string(name), (4 << 24) | members.length, size);
    for (const [member, offset, type] of members)
      words.push(string(member), idOf(type), offset * 8);
  }
  for (const [name, values] of Object.entries(enums)) {
    const entries = Object.entries(values);
    words.push(string(name), (6 << 24) | entries.length, 4);
    for (const [word, value] of entries) words.push(string(word), value);
  }
  const types = words.length * 4;
  const header = [0x0001_eb9f, 24, 0, types, types, strings.length];
  const bytes = new Uint8Array(24 + types + strings.length);
  const view = new DataView(bytes.buffer);
  [...header, ...words].forEach((word, index) => {
    view.setUint32(index * 4, word, true);
  });
  bytes.set(strings, 24 + types);
  return bytes;
}

/** Page-table bits. */
export const PRESENT = 1n;
export const WRITABLE = 2n;
export const LARGE = 0x80n;
export const NO_EXECUTE: bigint = 1n << 63n;

/** Makes page tables in an image; their frames are taken from `next` upwards. */
export class TableAssembler {
  readonly tables: number[] = [];
  readonly #image: Image;
  readonly #levels: number;
  #next: number;

  constructor(image: Image, levels: 4 | 5, firstFrame: number) {
    this.#image = image;
    this.#levels = levels;
    this.#next = firstFrame;
  }

  root(): number {
    return this.#table();
  }

  /** Maps a page: at level 1 of 4 KiB, at level 2 of 2 MiB. */
  map(root: number, virtual: bigint, physical: number, bits: bigint, level = 1): void {
    let table = root;
    for (let at = this.#levels; at > level; at--) {
      const entry = table + this.#index(virtual, at) * 8;
      const low = new DataView(this.#image.bytes.buffer).getUint32(entry, true);
      if ((low & 1) === 1) table = (low & 0xffff_f000) >>> 0;
      else {
        table = this.#table();
        this.#image.u64(entry, [0, table | 3]);
      }
    }
    const value = BigInt(physical) | bits | (level > 1 ? LARGE : 0n);
    const entry = table + this.#index(virtual, level) * 8;
    this.#image.u64(entry, [Number(value >> 32n), Number(value & 0xffff_ffffn)]);
  }

  #index(virtual: bigint, level: number): number {
    return Number((virtual >> BigInt(12 + 9 * (level - 1))) & 511n);
  }

  #table(): number {
    const frame = this.#next++;
    this.tables.push(frame);
    return frame * 4096;
  }
}
