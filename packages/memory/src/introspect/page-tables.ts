// SPDX-License-Identifier: Apache-2.0
// Page tables of x86-64, four and five levels. An entry:
//
//   bit 0 present · 1 writable · 7 large page (levels 2 and 3) · 8 global · 12..51 frame · 63 no execute
//
// A page of a process that is in memory but may not be touched (PROT_NONE) has bit 8 and not bit 0, and
// its frame bits are inverted (arch/x86/include/asm/pgtable-invert.h, against L1TF).
import { PAGE_BYTES } from '../frames.ts';
import { type Address, NOWHERE } from './guest-kernel.ts';
import type { PhysicalMemory } from './physical-memory.ts';

/** A mapped page, small or large. `virtual` is exact as a number because it is page-aligned. */
export interface MappedPage {
  virtual: number;
  physical: number;
  /** In small pages. */
  pages: number;
  writable: boolean;
  executable: boolean;
}

const TWO_32 = 0x1_0000_0000;
const SPAN = [0, 2 ** 12, 2 ** 21, 2 ** 30, 2 ** 39, 2 ** 48] as const;

export class PageTables {
  readonly levels: 4 | 5;
  readonly #memory: PhysicalMemory;
  /** Tables that may still be visited: damaged ones could lead in circles. */
  #budget: number;

  constructor(memory: PhysicalMemory, levels: 4 | 5) {
    this.#memory = memory;
    this.levels = levels;
    this.#budget = Math.ceil(memory.end / PAGE_BYTES);
  }

  /** Calls `see` for every page mapped in `[from, to)`, ascending. The object is reused. */
  walk(root: number, from: number, to: number, see: (page: MappedPage) => void): void {
    this.#budget = Math.ceil(this.#memory.end / PAGE_BYTES);
    const page = { virtual: 0, physical: 0, pages: 0, writable: false, executable: false };
    this.#table(root, this.levels, 0, from, to, page, see);
  }

  #table(
    table: number,
    level: number,
    base: number,
    from: number,
    to: number,
    page: MappedPage,
    see: (page: MappedPage) => void,
  ): void {
    const memory = this.#memory;
    if (!memory.holds(table, PAGE_BYTES) || this.#budget-- <= 0) return;
    const bytes = memory.bytes(table, PAGE_BYTES);
    const entries = new DataView(bytes.buffer, bytes.byteOffset, PAGE_BYTES);
    const span = SPAN[level]!;
    const top = level === this.levels;
    for (let index = 0; index < 512; index++) {
      // The upper half of the top table is the kernel's: its addresses are sign-extended.
      const start = top && index >= 256 ? 2 ** 64 - (512 - index) * span : base + index * span;
      if (start >= to) break;
      if (start + span <= from) continue;
      const low = entries.getUint32(index * 8, true);
      const high = entries.getUint32(index * 8 + 4, true);
      if (low === 0 && high === 0) continue;
      const present = (low & 1) !== 0;
      const large = level > 1 && level < 4 && (low & 0x80) !== 0;
      if (level > 1 && !large) {
        if (present) this.#table(frameOf(high, low), level - 1, start, from, to, page, see);
        continue;
      }
      const hidden = !present && (low & 0x100) !== 0;
      if (!present && !hidden) continue;
      const frame = hidden ? frameOf(~high, ~low) : frameOf(high, low);
      page.virtual = start;
      page.physical = frame - (frame % span);
      page.pages = span / PAGE_BYTES;
      page.writable = (low & 2) !== 0;
      page.executable = high >>> 31 === 0;
      see(page);
    }
  }

  /** The physical address of a virtual one, by its page table; NOWHERE when it is not mapped. */
  translate(root: number, { high, low }: Address): number {
    const address = (BigInt(high) << 32n) | BigInt(low >>> 0);
    let table = root;
    for (let level: number = this.levels; level >= 1; level--) {
      const shift = BigInt(12 + 9 * (level - 1));
      const entry = table + Number((address >> shift) & 511n) * 8;
      if (!this.#memory.holds(entry, 8)) return NOWHERE;
      const word = this.#memory.u32(entry);
      if ((word & 1) === 0) return NOWHERE;
      const frame = frameOf(this.#memory.u32(entry + 4), word);
      if (level === 1 || (level < 4 && (word & 0x80) !== 0)) {
        const span = SPAN[level]!;
        return frame - (frame % span) + Number(address & BigInt(span - 1));
      }
      table = frame;
    }
    return NOWHERE;
  }
}

function frameOf(high: number, low: number): number {
  return (high & 0xf_ffff) * TWO_32 + ((low & 0xffff_f000) >>> 0);
}
