// SPDX-License-Identifier: Apache-2.0
// What the flags of /proc/kpageflags say about the owner of a page frame.
// Bits 0..26: Linux include/uapi/linux/kernel-page-flags.h. Bits 32 and up are "kernel hacking
// assistance" and not a promise of the kernel: include/linux/kernel-page-flags.h (v6.1).
import type { OwnerKind } from './frames.ts';

/** Bit numbers in the lower 32 bits of a kpageflags word. */
export const KPF = {
  LOCKED: 0,
  ERROR: 1,
  REFERENCED: 2,
  UPTODATE: 3,
  DIRTY: 4,
  LRU: 5,
  ACTIVE: 6,
  SLAB: 7,
  WRITEBACK: 8,
  RECLAIM: 9,
  BUDDY: 10,
  MMAP: 11,
  ANON: 12,
  SWAPCACHE: 13,
  SWAPBACKED: 14,
  COMPOUND_HEAD: 15,
  COMPOUND_TAIL: 16,
  HUGE: 17,
  UNEVICTABLE: 18,
  HWPOISON: 19,
  NOPAGE: 20,
  KSM: 21,
  THP: 22,
  OFFLINE: 23,
  ZERO_PAGE: 24,
  IDLE: 25,
  PGTABLE: 26,
} as const;

/** Bit numbers in the upper 32 bits, less 32. */
export const KPF_HIGH = {
  RESERVED: 0,
  MLOCKED: 1,
  MAPPEDTODISK: 2,
  PRIVATE: 3,
  PRIVATE_2: 4,
  OWNER_PRIVATE: 5,
} as const;

/**
 * The owner kind of a frame by its kpageflags word, first rule that fits:
 * no memory (NOPAGE: undefined) · free (BUDDY) · slab · page table · not usable (OFFLINE, HWPOISON:
 * reserved) · the shared zero page (kernel) · reserved · anonymous · file that is mapped (MMAP) · page cache (on the LRU, backed by a
 * disk or by swap as tmpfs is) · else the kernel's own allocation.
 */
export function kindOfPageFlags(low: number, high: number): OwnerKind | undefined {
  const has = (bit: number) => ((low >>> bit) & 1) === 1;
  const hasHigh = (bit: number) => ((high >>> bit) & 1) === 1;
  if (has(KPF.NOPAGE)) return undefined;
  if (has(KPF.BUDDY)) return 'free';
  if (has(KPF.SLAB)) return 'slab';
  if (has(KPF.PGTABLE)) return 'page table';
  if (has(KPF.OFFLINE) || has(KPF.HWPOISON)) return 'reserved';
  if (has(KPF.ZERO_PAGE)) return 'kernel';
  if (hasHigh(KPF_HIGH.RESERVED)) return 'reserved';
  if (has(KPF.ANON)) return 'anon';
  const pageable = has(KPF.LRU) || has(KPF.UNEVICTABLE) || has(KPF.SWAPBACKED);
  if (pageable || hasHigh(KPF_HIGH.MAPPEDTODISK)) {
    return has(KPF.MMAP) ? 'file' : 'page cache';
  }
  return 'kernel';
}

/** Whether the upper half of a kpageflags word says that the frame never was the allocator's. */
export function isReserved(high: number): boolean {
  return ((high >>> KPF_HIGH.RESERVED) & 1) === 1;
}
