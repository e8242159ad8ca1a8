// SPDX-License-Identifier: Apache-2.0
// Virtual memory areas of a process: in a maple tree since Linux 6.1, in a list before.
//
// Maple tree (include/linux/maple_tree.h and lib/maple_tree.c, v6.1): the root entry is a node when
// (e & 3) = 2 and e > 4096, else the only area of the tree. A node lies at e & ~0xff, its type is
// (e >> 3) & 15. After the parent pointer:
//
//   1 leaf, 2 range    15 pivots, 16 slots      3 arange    9 pivots, 10 slots      0 dense    31 slots
//
// Slots of leaves are areas, slots of other nodes are nodes (with bit 2 set, and not bit 1 as the root
// has). A zero pivot after the first slot ends a node.
import { type GuestKernel, NOWHERE } from './guest-kernel.ts';

/** A virtual memory area as the kernel has it. */
export interface Area {
  readonly start: number;
  readonly end: number;
  /** Physical address of its struct file; 0 for none. */
  readonly file: number;
  /** Where in the file it begins, in pages. */
  readonly filePage: number;
  readonly writable: boolean;
  /** Name of a special mapping: [vdso], [vvar]. */
  readonly special: string;
}

const MAX_AREAS = 262_144;
const USER_END = 2 ** 56;
const VM_WRITE = 2;

const SHAPE: readonly { pivots: number; slots: number; leaf: boolean }[] = [
  { pivots: 0, slots: 31, leaf: true },
  { pivots: 15, slots: 16, leaf: true },
  { pivots: 15, slots: 16, leaf: false },
  { pivots: 9, slots: 10, leaf: false },
];

/** Areas of an mm_struct in ascending order. */
export function readAreas(kernel: GuestKernel, mm: number): Area[] {
  const addresses = kernel.btf.has('mm_struct', 'mm_mt')
    ? mapleAreas(kernel, mm)
    : listedAreas(kernel, mm);
  const areas: Area[] = [];
  const at = {
    start: kernel.btf.offset('vm_area_struct', 'vm_start'),
    end: kernel.btf.offset('vm_area_struct', 'vm_end'),
    file: kernel.btf.offset('vm_area_struct', 'vm_file'),
    filePage: kernel.btf.offset('vm_area_struct', 'vm_pgoff'),
    flags: kernel.btf.offset('vm_area_struct', 'vm_flags'),
    data: kernel.btf.offset('vm_area_struct', 'vm_private_data'),
  };
  for (const area of addresses) {
    const start = kernel.u64(area + at.start);
    const end = kernel.u64(area + at.end);
    // An area that is being changed, or is none: the walk would make nonsense of it.
    if (!(start < end && end <= USER_END && start % 4096 === 0 && end % 4096 === 0)) continue;
    const file = kernel.follow(area + at.file);
    const special = file === 0 ? specialName(kernel, kernel.follow(area + at.data)) : '';
    const filePage = kernel.memory.u32(area + at.filePage);
    const writable = (kernel.memory.u32(area + at.flags) & VM_WRITE) !== 0;
    areas.push({ start, end, file: Math.max(file, 0), filePage, writable, special });
  }
  return areas.sort((a, b) => a.start - b.start);
}

/** A special mapping's private data is a struct vm_special_mapping, whose first field is its name. */
function specialName(kernel: GuestKernel, data: number): string {
  if (data <= 0 || !kernel.memory.holds(data, 8)) return '';
  const name = kernel.follow(data);
  const text = name > 0 ? kernel.memory.text(name, 32) : '';
  return /^\[[a-z_]+\]$/.test(text) ? text : '';
}

function listedAreas(kernel: GuestKernel, mm: number): number[] {
  const next = kernel.btf.offset('vm_area_struct', 'vm_next');
  const areas: number[] = [];
  let area = kernel.follow(mm + kernel.btf.offset('mm_struct', 'mmap'));
  while (area > 0 && areas.length < MAX_AREAS) {
    areas.push(area);
    area = kernel.follow(area + next);
  }
  return areas;
}

function mapleAreas(kernel: GuestKernel, mm: number): number[] {
  const areas: number[] = [];
  const tree = mm + kernel.btf.offset('mm_struct', 'mm_mt');
  visit(kernel, tree + kernel.btf.offset('maple_tree', 'ma_root'), 'root', areas, {
    left: MAX_AREAS,
  });
  return areas;
}

/** Visits what the slot at a physical address holds. */
function visit(
  kernel: GuestKernel,
  slot: number,
  within: 'root' | 'node' | 'leaf',
  areas: number[],
  budget: { left: number },
): void {
  const { memory } = kernel;
  if (!memory.holds(slot, 8) || budget.left-- <= 0) return;
  const low = memory.u32(slot);
  const high = memory.u32(slot + 4);
  const large = high !== 0 || low > 4096;
  if (within === 'leaf' || (within === 'root' && (low & 3) !== 2)) {
    const area = (low & 3) === 0 && large ? kernel.physical(high, low) : NOWHERE;
    if (area > 0) areas.push(area);
    return;
  }
  const node = large ? kernel.physical(high, (low & ~0xff) >>> 0) : NOWHERE;
  const shape = SHAPE[(low >>> 3) & 15];
  if (node <= 0 || shape === undefined) return;
  // Dense nodes have slots alone; in the others pivots follow the parent pointer, then slots.
  const pivots = node + 8;
  const slots = pivots + shape.pivots * 8;
  for (let i = 0; i < shape.slots; i++) {
    const pivot = pivots + i * 8;
    const last =
      i > 0 && i < shape.pivots && memory.u32(pivot) === 0 && memory.u32(pivot + 4) === 0;
    visit(kernel, slots + i * 8, shape.leaf ? 'leaf' : 'node', areas, budget);
    if (last) break;
  }
}
