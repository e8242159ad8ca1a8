// SPDX-License-Identifier: Apache-2.0
// `struct page` of every frame, by SPARSEMEM's sections:
//
//   mem_section (VMCOREINFO) → roots → struct mem_section.section_mem_map, less its low 6 flag bits,
//   = virtual address of the struct page that frame 0 would have (include/linux/mmzone.h)
//
// The frame tables lie in vmemmap, which is not linear: they are found through the kernel's page table.
import { MemoryError } from '../error.ts';
import { PAGE_BYTES } from '../frames.ts';
import type { Btf } from './btf.ts';
import { type Address, type GuestKernel, NOWHERE } from './guest-kernel.ts';
import type { PageTables } from './page-tables.ts';

/** The fields of every `struct page` that tell its owner; columns by frame number. */
export interface PageFrames {
  readonly count: number;
  /** 1 where the guest has a struct page for the frame. */
  readonly known: Uint8Array;
  /** Lower 32 bits of page.flags; page types, section and zone lie above what is used. */
  readonly flags: Uint32Array;
  /** page._mapcount, which is page.page_type for frames of the kernel. */
  readonly mapcount: Uint32Array;
  readonly mappingHigh: Uint32Array;
  readonly mappingLow: Uint32Array;
  /** page.index, lower 32 bits: the page of the file. */
  readonly index: Uint32Array;
  /** page.private: the order of a free block at its head. */
  readonly order: Uint32Array;
  /** Frame of the head of a compound page, or the frame itself. */
  readonly head: Uint32Array;
}

const SECTION_FLAGS = 0x3f;
const SECTION_HAS_MEM_MAP = 2;

export function readPageFrames(
  kernel: GuestKernel,
  tables: PageTables,
  root: number,
  vmcoreinfo: ReadonlyMap<string, string>,
): PageFrames {
  const count = Math.ceil(kernel.memory.end / PAGE_BYTES);
  const frames: PageFrames = {
    count,
    known: new Uint8Array(count),
    flags: new Uint32Array(count),
    mapcount: new Uint32Array(count),
    mappingHigh: new Uint32Array(count),
    mappingLow: new Uint32Array(count),
    index: new Uint32Array(count),
    order: new Uint32Array(count),
    head: Uint32Array.from({ length: count }, (_, frame) => frame),
  };
  const { sectionFrames, pageStructBytes } = checkedGeometry(kernel, vmcoreinfo);
  for (let first = 0; first < count; first += sectionFrames) {
    const map = sectionMap(kernel, first / sectionFrames, vmcoreinfo);
    if (map === undefined) continue;
    const last = Math.min(first + sectionFrames, count);
    readSection(kernel, tables, root, frames, { map, first, last, pageStructBytes });
  }
  if (!frames.known.includes(1)) {
    throw new MemoryError(
      'no-kernel',
      'no frame table in this memory',
      {},
      'only kernels with SPARSEMEM_VMEMMAP are known (the default on x86-64)',
    );
  }
  return frames;
}

/** Sizes that the walk divides by: damaged ones would lead it anywhere. */
function checkedGeometry(
  { btf }: GuestKernel,
  vmcoreinfo: ReadonlyMap<string, string>,
): { sectionFrames: number; pageStructBytes: number } {
  const sectionBits = Number(vmcoreinfo.get('NUMBER(SECTION_SIZE_BITS)') ?? 27);
  const pageStructBytes = btf.size('page');
  const sectionBytes = btf.size('mem_section');
  const whole =
    Number.isInteger(sectionBits) &&
    sectionBits >= 20 &&
    sectionBits <= 40 &&
    pageStructBytes >= 8 &&
    PAGE_BYTES % pageStructBytes === 0 &&
    sectionBytes >= 8 &&
    sectionBytes <= PAGE_BYTES &&
    Object.values(pageFields(btf)).every((offset) => offset + 8 <= pageStructBytes);
  if (whole) return { sectionFrames: 2 ** (sectionBits - 12), pageStructBytes };
  throw new MemoryError(
    'bad-btf',
    `a struct page of ${pageStructBytes} bytes in sections of 2^${sectionBits}`,
    {},
    'this layout of the kernel is not known: report it with the kernel version',
  );
}

/** Offsets in struct page. A folio, since 5.16, is its first page seen with other names. */
function pageFields(btf: Btf) {
  return {
    flags: btf.offset('page', 'flags'),
    mapcount: btf.offset('page', '_mapcount'),
    mapping: btf.offsetOfAny(['page', 'mapping'], ['folio', 'mapping']),
    // Called page.__folio_index since 6.16.
    index: btf.offsetOfAny(['page', 'index'], ['folio', 'index']),
    private: btf.offset('page', 'private'),
    head: btf.offsetOfAny(['page', 'compound_head'], ['page', 'compound_info']),
  };
}

/** Virtual address of the struct page that frame 0 would have, by the section of a frame. */
function sectionMap(
  kernel: GuestKernel,
  section: number,
  vmcoreinfo: ReadonlyMap<string, string>,
): Address | undefined {
  const { memory } = kernel;
  const sectionBytes = kernel.btf.size('mem_section');
  const perRoot = Math.floor(PAGE_BYTES / sectionBytes);
  // VMCOREINFO_SYMBOL_ARRAY: not the address of the variable but the array it points at.
  const roots = symbol(kernel, vmcoreinfo, 'mem_section');
  const rootAt = roots + Math.floor(section / perRoot) * 8;
  if (!memory.holds(rootAt, 8)) return undefined;
  const sections = kernel.follow(rootAt);
  if (sections <= 0) return undefined;
  const at =
    sections +
    (section % perRoot) * sectionBytes +
    kernel.btf.offset('mem_section', 'section_mem_map');
  if (!memory.holds(at, 8)) return undefined;
  const low = memory.u32(at);
  if ((low & SECTION_HAS_MEM_MAP) === 0) return undefined;
  return { high: memory.u32(at + 4), low: (low & ~SECTION_FLAGS) >>> 0 };
}

function readSection(
  kernel: GuestKernel,
  tables: PageTables,
  root: number,
  frames: PageFrames,
  section: { map: Address; first: number; last: number; pageStructBytes: number },
): void {
  const { memory, btf } = kernel;
  const { map, first, last, pageStructBytes } = section;
  const at = pageFields(btf);
  const mapAddress = (BigInt(map.high) << 32n) | BigInt(map.low);
  const perPage = PAGE_BYTES / pageStructBytes;
  for (let frame = first; frame < last; frame += perPage) {
    const virtual = BigInt.asUintN(64, mapAddress + BigInt(frame * pageStructBytes));
    const physical = tables.translate(root, {
      high: Number(virtual >> 32n),
      low: Number(virtual & 0xffff_ffffn),
    });
    if (physical === NOWHERE || !memory.holds(physical, PAGE_BYTES)) continue;
    const bytes = memory.bytes(physical, PAGE_BYTES);
    const view = new DataView(bytes.buffer, bytes.byteOffset, PAGE_BYTES);
    const until = Math.min(frame + perPage, last);
    for (let i = frame, base = 0; i < until; i++, base += pageStructBytes) {
      frames.known[i] = 1;
      frames.flags[i] = view.getUint32(base + at.flags, true);
      frames.mapcount[i] = view.getUint32(base + at.mapcount, true);
      frames.mappingLow[i] = view.getUint32(base + at.mapping, true);
      frames.mappingHigh[i] = view.getUint32(base + at.mapping + 4, true);
      frames.index[i] = view.getUint32(base + at.index, true);
      frames.order[i] = view.getUint32(base + at.private, true);
      const headLow = view.getUint32(base + at.head, true);
      if ((headLow & 1) === 0) continue;
      const headHigh = view.getUint32(base + at.head + 4, true);
      const head = headOf(map, i, pageStructBytes, headHigh, headLow);
      if (Number.isInteger(head) && head >= 0 && head < i) frames.head[i] = head;
    }
  }
}

/**
 * Frame of the head of a compound page, by what bit 0 marks in the struct page of a tail: the address of
 * the head's struct page; or, in compound_info since 7.x, a mask which turns the tail's address into it.
 */
function headOf(
  map: Address,
  frame: number,
  pageStructBytes: number,
  high: number,
  low: number,
): number {
  if (high === 0xffff_ffff) {
    const address = (map.low + frame * pageStructBytes) % 0x1_0000_0000;
    return frame - (address - ((address & (low - 1)) >>> 0)) / pageStructBytes;
  }
  return ((high - map.high) * 0x1_0000_0000 + (low - 1 - map.low)) / pageStructBytes;
}

/** Physical address of a symbol that VMCOREINFO tells. */
export function symbol(
  kernel: GuestKernel,
  vmcoreinfo: ReadonlyMap<string, string>,
  name: string,
): number {
  const text = vmcoreinfo.get(`SYMBOL(${name})`) ?? '';
  const digits = /^[0-9a-f]{16}$/.test(text) ? text : '0000000000000000';
  const address = kernel.physical(
    Number.parseInt(digits.slice(0, 8), 16),
    Number.parseInt(digits.slice(8), 16),
  );
  if (address > 0) return address;
  throw new MemoryError(
    'no-kernel',
    `VMCOREINFO tells no usable address of ${name}`,
    {},
    'report it with the kernel version',
  );
}
