// SPDX-License-Identifier: Apache-2.0
// A guest of 2 MiB, 512 frames, with a kernel that has just what introspection looks at. Its structures
// are laid out as no real kernel has them: what is read of them must come from BTF.
//
//   frame   0       reserved
//   1..7            image: code 1, 2 · read-only data (BTF) 3..5 · data 6, 7
//   8..15           frame table, one struct page of 64 bytes for each frame
//   16..31          slab: tasks, mm, areas, files, names
//   32..            page tables
//   100..103        of process 1: 100 its program, 101 anonymous, 102 hidden (PROT_NONE), 103 its vDSO
//   110, 111        page cache of /data/table, 111 the tail of 110
//   128..191        a free block of order 6
//   the rest        the kernel's, of no told use
import {
  AREA,
  btfOf,
  DENTRY,
  type KernelShape,
  MM,
  MOUNT,
  PAGE_TYPES,
  PAGES,
  RESERVED,
  SLAB,
  TASK,
} from './assembled-layouts.ts';
import { type Halves, Image, NO_EXECUTE, PRESENT, TableAssembler, WRITABLE } from './assembler.ts';

const PAGE = 4096;
const FRAMES = 512;
const VMEMMAP = 0xffff_ea00_0000_0000n;

const NULL: Halves = [0, 0];
/** Addresses in the direct map, and in the kernel's image. */
const direct = (physical: number): Halves => [0xffff_8880, physical];
const image = (physical: number): Halves => [0xffff_ffff, 0x8000_0000 + physical];

export interface AssembledGuest {
  readonly bytes: Uint8Array;
  readonly tables: readonly number[];
}

/** The guest, with page tables of four or five levels, and a kernel of a shape. */
export function assembleGuest(levels: 4 | 5 = 4, shape: KernelShape = '6.1'): AssembledGuest {
  const pageTypes = PAGE_TYPES[shape];
  const memory = new Image(FRAMES * PAGE);
  const tables = new TableAssembler(memory, levels, 32);
  const kernelRoot = tables.root();
  const userRoot = tables.root();

  // The image: code, read-only data with BTF, data with init_task.
  memory.put(3 * PAGE + 64, btfOf(shape));
  const initTask = 6 * PAGE + 128;
  const roots = 19 * PAGE;
  memory.text(7 * PAGE, vmcoreinfo(kernelRoot, roots, levels));
  for (let frame = 1; frame < 8; frame++) {
    const rights = frame < 3 ? 0n : frame < 6 ? NO_EXECUTE : NO_EXECUTE | WRITABLE;
    const virtual = 0xffff_ffff_8000_0000n + BigInt(frame * PAGE);
    tables.map(kernelRoot, virtual, frame * PAGE, PRESENT | rights);
  }
  for (let frame = 8; frame < 16; frame++) {
    const virtual = VMEMMAP + BigInt((frame - 8) * PAGE);
    tables.map(kernelRoot, virtual, frame * PAGE, PRESENT | WRITABLE | NO_EXECUTE);
  }

  // Three tasks in a ring: init_task, process 1, kernel thread 2.
  const process = 16 * PAGE;
  const thread = 16 * PAGE + 64;
  const mm = 16 * PAGE + 256;
  const ring = [initTask, process, thread];
  ring.forEach((task, index) => {
    const address = (physical: number) =>
      physical === initTask + TASK.tasks ? image(physical) : direct(physical);
    memory.text(task + TASK.comm, ['swapper/0', 'init', 'kthreadd'][index]!);
    memory.u32(task + TASK.pid, index);
    memory.u64(task + TASK.tasks, address(ring[(index + 1) % 3]! + TASK.tasks));
    memory.u64(task + TASK.tasks + 8, address(ring[(index + 2) % 3]! + TASK.tasks));
    memory.u64(task + TASK.group_leader, task === initTask ? image(task) : direct(task));
    memory.u64(task + TASK.mm, index === 1 ? direct(mm) : NULL);
  });

  // Files: /bin/init on the root, /data/table on a file system mounted at /data.
  const files = assembleFiles(memory);
  memory.u64(mm + MM.pgd, direct(userRoot));
  memory.u64(mm + MM.exe_file, direct(files.init));
  memory.u64(mm + MM.start_brk, [0, 0x60_0000]);
  memory.u64(mm + MM.brk, [0, 0x60_2000]);
  memory.u64(mm + MM.start_stack, [0x7fff, 0xf000]);

  // Areas in a list, as until 6.0, and in a maple tree: an arange node above two leaves.
  const special = 17 * PAGE + 0x800;
  memory.u64(special, image(7 * PAGE + 0xf00));
  memory.text(7 * PAGE + 0xf00, '[vdso]');
  const area = (index: number, start: Halves, end: Halves, file: Halves, data: Halves): Halves => {
    const at = 17 * PAGE + index * 56;
    memory.u64(at + AREA.vm_start, start);
    memory.u64(at + AREA.vm_end, end);
    memory.u64(at + AREA.vm_file, file);
    memory.u64(at + AREA.vm_private_data, data);
    memory.u64(at + AREA.vm_next, index < 3 ? direct(at + 56) : NULL);
    return direct(at);
  };
  const program = area(0, [0, 0x40_0000], [0, 0x40_1000], direct(files.init), NULL);
  const heap = area(1, [0, 0x60_0000], [0, 0x60_2000], NULL, NULL);
  const vdso = area(2, [0x7ffe, 0x1000], [0x7ffe, 0x2000], NULL, direct(special));
  const stack = area(3, [0x7fff, 0], [0x7fff, 0x1_0000], NULL, NULL);
  memory.u64(mm + MM.mmap, program);
  const leaf = (at: number, slots: readonly (readonly [Halves, last: Halves])[]): Halves => {
    slots.forEach(([slot, last], index) => {
      memory.u64(at + 8 + index * 8, last);
      memory.u64(at + 8 + 15 * 8 + index * 8, slot);
    });
    const [high, low] = direct(at);
    return [high, low | (1 << 3) | 4];
  };
  const left = leaf(18 * PAGE, [
    [NULL, [0, 0x3f_ffff]],
    [program, [0, 0x40_0fff]],
    [NULL, [0, 0x5f_ffff]],
    [heap, [0, 0x60_1fff]],
  ]);
  const right = leaf(18 * PAGE + 256, [
    [vdso, [0x7ffe, 0x1fff]],
    [NULL, [0x7ffe, 0xffff_ffff]],
    [stack, [0x7fff, 0xffff]],
  ]);
  const top = 18 * PAGE + 512;
  memory.u64(top + 8, [0, 0x60_1fff]);
  memory.u64(top + 8 + 9 * 8, left);
  memory.u64(top + 8 + 9 * 8 + 8, right);
  memory.u64(mm + MM.mm_mt + 8, [0xffff_8880, top | (3 << 3) | 2]);

  // Pages of process 1. The hidden one has bit 8 without bit 0, and its frame inverted.
  tables.map(userRoot, 0x40_0000n, 100 * PAGE, PRESENT);
  tables.map(userRoot, 0x60_0000n, 101 * PAGE, PRESENT | WRITABLE | NO_EXECUTE);
  const inverted = Number(~BigInt(102 * PAGE) & 0xffff_f000n);
  tables.map(userRoot, 0x60_1000n, inverted, 0x100n | (0xf_ffffn << 32n));
  tables.map(userRoot, 0x7ffe_0000_1000n, 103 * PAGE, PRESENT);

  // One root of sections, one section; its map has flag bits and no distance: frame 0 is first.
  memory.u64(roots, direct(roots + 0x800));
  memory.u64(roots + 0x800, [Number(VMEMMAP >> 32n), 3]);
  const page = (
    frame: number,
    use: { flags?: number; mapcount?: number; mapping?: Halves; order?: number; head?: number },
  ) => {
    const at = 8 * PAGE + frame * 64;
    memory.u32(at, use.flags ?? 0);
    memory.u32(at + PAGES._mapcount, use.mapcount ?? 0xffff_ffff);
    memory.u64(at + PAGES.union + 16, use.mapping ?? NULL);
    memory.u32(at + PAGES.union + 32, use.order ?? 0);
    if (use.head !== undefined) {
      // A pair of pages: the head's address, or the mask that makes it of the tail's, and bit 0.
      const head = shape === '7.3' ? 0xffff_ffff_ffff_ff81n : VMEMMAP + BigInt(use.head * 64 + 1);
      memory.u64(at + PAGES.union, [Number(head >> 32n), Number(head & 0xffff_ffffn)]);
    }
  };
  for (let frame = 0; frame < FRAMES; frame++) {
    if (frame < 8) page(frame, { flags: RESERVED });
    else if (frame >= 16 && frame < 32)
      page(frame, { flags: shape === '7.3' ? 0 : SLAB, mapcount: pageTypes.slab });
    else if (tables.tables.includes(frame)) page(frame, { mapcount: pageTypes.table });
    else page(frame, {});
  }
  page(100, { mapping: direct(files.initSpace), mapcount: 0 });
  const [high, low] = direct(20 * PAGE);
  page(101, { mapping: [high, low | 1], mapcount: 0 });
  page(102, { mapping: [high, low | 1], mapcount: 1 });
  page(103, { flags: RESERVED });
  page(110, { mapping: direct(files.dataSpace) });
  page(111, { head: 110 });
  page(128, { mapcount: pageTypes.buddy, order: 6 });
  return { bytes: memory.bytes, tables: tables.tables };
}

/** Dentries, mounts, inodes: /bin/init on the root file system, /table on one mounted at /data. */
function assembleFiles(memory: Image): { init: number; initSpace: number; dataSpace: number } {
  let free = 21 * PAGE;
  const take = (bytes: number): number => {
    const at = free;
    free += Math.ceil(bytes / 64) * 64;
    return at;
  };
  const dentry = (name: string, parent?: number): number => {
    const at = take(48);
    const text = take(64);
    memory.text(text, name);
    memory.u64(at + DENTRY.d_parent, direct(parent ?? at));
    memory.u64(at + DENTRY.d_name + 8, direct(text));
    return at;
  };
  const mount = (root: number, parent?: number, point?: number): number => {
    const at = take(24);
    memory.u64(at + MOUNT.mnt_parent, direct(parent ?? at));
    memory.u64(at + MOUNT.mnt_mountpoint, direct(point ?? root));
    memory.u64(at + MOUNT.mnt, direct(root));
    return at;
  };
  const superBlock = take(32);
  memory.text(superBlock, 'vda');
  const inode = (leaf: number, number: number): number => {
    const at = take(32);
    memory.u32(at, number);
    memory.u64(at + 8, direct(superBlock));
    memory.u64(at + 16, direct(leaf + DENTRY.d_u));
    const space = take(8);
    memory.u64(space, direct(at));
    return space;
  };
  const root = dentry('/');
  const dataPoint = dentry('data', root);
  const rootMount = mount(root);
  const dataRoot = dentry('/');
  mount(dataRoot, rootMount, dataPoint);
  const bin = dentry('bin', root);
  const program = dentry('init', bin);
  const table = dentry('table', dataRoot);
  const init = take(32);
  memory.u64(init + 16, direct(rootMount + MOUNT.mnt));
  memory.u64(init + 24, direct(program));
  return { init, initSpace: inode(program, 12), dataSpace: inode(table, 34) };
}

function vmcoreinfo(root: number, roots: number, levels: number): string {
  const hex = ([high, low]: Halves) =>
    high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0');
  return [
    'OSRELEASE=6.1.0-assembled',
    `SYMBOL(swapper_pg_dir)=${hex(image(root))}`,
    `SYMBOL(mem_section)=${hex(direct(roots))}`,
    'NUMBER(SECTION_SIZE_BITS)=27',
    `NUMBER(pgtable_l5_enabled)=${levels === 5 ? 1 : 0}`,
    '',
  ].join('\n');
}
