// SPDX-License-Identifier: Apache-2.0
import { PAGE_BYTES } from '../frames.ts';
import type { Area } from './areas.ts';
import { type GuestKernel, NOWHERE } from './guest-kernel.ts';
import type { PageCache } from './page-cache.ts';
import type { PageTables } from './page-tables.ts';
import type { VirtualMemory } from './virtual-memory.ts';

/**
 * The address space of a guest's process: what its page table maps, and what lies in the page cache of
 * the files it maps, as the next access to it would find.
 */
export class ProcessMemory implements VirtualMemory {
  readonly #kernel: GuestKernel;
  readonly #tables: PageTables;
  readonly #root: number;
  readonly #areas: readonly Area[];
  readonly #cache: PageCache;

  constructor(
    kernel: GuestKernel,
    tables: PageTables,
    root: number,
    areas: readonly Area[],
    cache: PageCache,
  ) {
    this.#kernel = kernel;
    this.#tables = tables;
    this.#root = root;
    this.#areas = areas;
    this.#cache = cache;
  }

  page(address: number): DataView | undefined {
    const { memory } = this.#kernel;
    const high = Math.floor(address / 0x1_0000_0000);
    const mapped = this.#tables.translate(this.#root, { high, low: address >>> 0 });
    const physical = mapped === NOWHERE ? this.#cached(address) : mapped;
    if (physical === undefined || !memory.holds(physical, PAGE_BYTES)) return undefined;
    const bytes = memory.bytes(physical, PAGE_BYTES);
    return new DataView(bytes.buffer, bytes.byteOffset, PAGE_BYTES);
  }

  #cached(address: number): number | undefined {
    const area = this.#areas.find(({ start, end }) => start <= address && address < end);
    if (area === undefined || area.file <= 0) return undefined;
    const { btf } = this.#kernel;
    const space = this.#kernel.follow(area.file + btf.offset('file', 'f_mapping'));
    if (space <= 0) return undefined;
    const page = area.filePage + (address - area.start) / PAGE_BYTES;
    const frame = this.#cache.frameOf(space, page);
    return frame === undefined ? undefined : frame * PAGE_BYTES;
  }
}
