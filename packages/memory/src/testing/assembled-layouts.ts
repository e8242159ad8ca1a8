// SPDX-License-Identifier: Apache-2.0
// Structures of the assembled guest's kernel, as its BTF tells them. Their offsets are no real kernel's.
import { assembleBtf } from './assembler.ts';

export const TASK = { comm: 0, tasks: 16, pid: 32, mm: 40, group_leader: 48 };
export const MM = {
  mm_mt: 0,
  mmap: 16,
  pgd: 24,
  exe_file: 32,
  start_brk: 40,
  brk: 48,
  start_stack: 56,
};
export const AREA = {
  vm_start: 0,
  vm_end: 8,
  vm_file: 16,
  vm_private_data: 24,
  vm_pgoff: 32,
  vm_flags: 40,
  vm_next: 48,
};
export const DENTRY = { d_parent: 0, d_name: 8, d_u: 32 };
export const MOUNT = { mnt_parent: 0, mnt_mountpoint: 8, mnt: 16 };
export const PAGES = { flags: 0, union: 8, _mapcount: 48 };

const offsets = (members: Record<string, number>) =>
  Object.entries(members).map(([name, offset]) => [name, offset] as const);

/** Which kernel's names and encodings: those of 6.1, what they were in 5.10, and what became of them until 7.3. */
export type KernelShape = '5.10' | '6.1' | '7.3';

/** The type information of a kernel of a shape. */
export function btfOf(shape: KernelShape): Uint8Array {
  const old = shape !== '7.3';
  return assembleBtf(
    {
      task_struct: { size: 64, members: offsets(TASK) },
      maple_tree: { size: 16, members: [['ma_root', 8]] },
      mm_struct: {
        size: 64,
        members: offsets(MM).filter(([name]) => name !== (shape === '5.10' ? 'mm_mt' : 'mmap')),
      },
      vm_area_struct: { size: 56, members: offsets(AREA) },
      path: {
        size: 16,
        members: [
          ['mnt', 0],
          ['dentry', 8],
        ],
      },
      file: { size: 32, members: [['f_path', 16, 'path']] },
      qstr: { size: 16, members: [['name', 8]] },
      '(d_u)': { size: 16, members: [['d_alias', 0]] },
      dentry: {
        size: 48,
        members: [
          ['d_parent', DENTRY.d_parent],
          ['d_name', DENTRY.d_name, 'qstr'],
          [old ? 'd_u' : '', DENTRY.d_u, '(d_u)'],
        ],
      },
      vfsmount: { size: 8, members: [['mnt_root', 0]] },
      mount: {
        size: 24,
        members: [...offsets({ mnt_parent: 0, mnt_mountpoint: 8 }), ['mnt', 16, 'vfsmount']],
      },
      inode: {
        size: 32,
        members: [
          ['i_ino', 0],
          ['i_sb', 8],
          ['i_dentry', 16],
        ],
      },
      super_block: { size: 32, members: [['s_id', 0]] },
      address_space: { size: 8, members: [['host', 0]] },
      // As in the kernel, what a page is used for lies in anonymous unions.
      '(cache)': {
        size: 40,
        members: [
          ['lru', 0],
          ['mapping', 16],
          [old ? 'index' : '__folio_index', 24],
          ['private', 32],
        ],
      },
      '(tail)': { size: 8, members: [[old ? 'compound_head' : 'compound_info', 0]] },
      '(use)': {
        size: 40,
        members: [
          ['', 0, '(cache)'],
          ['', 0, '(tail)'],
        ],
      },
      '(type)': {
        size: 4,
        members: [
          ['_mapcount', 0],
          ['page_type', 0],
        ],
      },
      page: {
        size: 64,
        members: [
          ['flags', 0],
          ...(shape === '5.10' ? [['mem_cgroup', 56] as const] : []),
          ['', PAGES.union, '(use)'],
          ['', PAGES._mapcount, '(type)'],
        ],
      },
      folio: {
        size: 128,
        members: [
          ['mapping', PAGES.union + 16],
          ['index', PAGES.union + 24],
        ],
      },
      mem_section: { size: 16, members: [['section_mem_map', 0]] },
    },
    old
      ? { pageflags: { PG_locked: 0, PG_slab: 9, PG_reserved: 12 } }
      : {
          pageflags: { PG_locked: 0, PG_reserved: 12 },
          pagetype: { PGTY_buddy: 0xf0, PGTY_offline: 0xf1, PGTY_table: 0xf2, PGTY_slab: 0xf5 },
        },
  );
}

export const SLAB: number = 1 << 9;
export const RESERVED: number = 1 << 12;
/** page_type of free blocks, page tables and slabs, which until 6.10 have a flag instead. */
export const PAGE_TYPES = {
  '5.10': { buddy: 0xffff_ff7f, table: 0xffff_fbff, slab: 0xffff_ffff },
  '6.1': { buddy: 0xffff_ff7f, table: 0xffff_fdff, slab: 0xffff_ffff },
  '7.3': { buddy: 0xf0ff_ffff, table: 0xf2ff_ffff, slab: 0xf5ff_ffff },
} as const;
