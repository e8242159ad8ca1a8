// SPDX-License-Identifier: Apache-2.0
// The owner of a frame by its `struct page`, first rule that fits (of the head, for the tail of a
// compound page):
//
//   a free block of the buddy allocator · slab · page table · offline · reserved · anonymous ·
//   a file's (mapped by a process, or page cache) · else the kernel's own
//
// Page types: until 6.10 a pattern 0xf… in _mapcount with one bit cleared per type, from 6.11 on a
// number in its highest byte (include/linux/page-flags.h); BTF tells which. Until 5.10 there was a type
// more, PG_kmemcg, which went with page.mem_cgroup: page tables had the next bit.
import type { Btf } from './btf.ts';
import type { PageFrames } from './page-frames.ts';

export type FrameOwnerKind =
  | 'free'
  | 'slab'
  | 'page table'
  | 'reserved'
  | 'anon'
  | 'file'
  | 'kernel';

const PAGE_TYPE_BASE = 0xf000_0000;
const MAPPING_ANON = 1;
const MAPPING_MOVABLE = 2;

type PageType = 'buddy' | 'offline' | 'table' | 'slab' | undefined;

/** The owner kind of every frame; undefined where the guest has no struct page. */
export function frameOwners(frames: PageFrames, btf: Btf): (FrameOwnerKind | undefined)[] {
  const pageType = pageTypes(btf);
  const bit = (name: string): number => {
    const value = btf.enumerator('pageflags', name);
    return value === undefined || value > 31 ? 0 : (1 << value) >>> 0;
  };
  const slab = bit('PG_slab');
  const reserved = bit('PG_reserved');
  const kinds = new Array<FrameOwnerKind | undefined>(frames.count).fill(undefined);
  for (let frame = 0; frame < frames.count; frame++) {
    if (frames.known[frame] === 0) continue;
    const head = frames.head[frame]!;
    const type = pageType(frames.mapcount[head]!);
    if (type === 'buddy' && head === frame) {
      // Only the head of a free block is marked: the block has 2^order frames.
      const order = Math.min(frames.order[frame]!, 20);
      const end = Math.min(frame + 2 ** order, frames.count);
      kinds.fill('free', frame, end);
      frame = end - 1;
    } else kinds[frame] = kindOfPage(frames, head, type, slab, reserved);
  }
  return kinds;
}

function kindOfPage(
  frames: PageFrames,
  head: number,
  type: PageType,
  slab: number,
  reserved: number,
): FrameOwnerKind {
  const flags = frames.flags[head]!;
  if (type === 'slab' || (flags & slab) !== 0) return 'slab';
  if (type === 'table') return 'page table';
  if (type === 'offline' || (flags & reserved) !== 0) return 'reserved';
  const mapping = frames.mappingLow[head]!;
  if (mapping === 0 && frames.mappingHigh[head] === 0) return 'kernel';
  if ((mapping & MAPPING_ANON) !== 0) return 'anon';
  if ((mapping & MAPPING_MOVABLE) !== 0) return 'kernel';
  return frames.mappingHigh[head] === 0 ? 'kernel' : 'file';
}

function pageTypes(btf: Btf): (mapcount: number) => PageType {
  const buddy = btf.enumerator('pagetype', 'PGTY_buddy');
  if (buddy !== undefined) {
    const names = new Map<number, PageType>([[buddy, 'buddy']]);
    for (const name of ['offline', 'table', 'slab'] as const) {
      const value = btf.enumerator('pagetype', `PGTY_${name}`);
      if (value !== undefined) names.set(value, name);
    }
    return (mapcount) => names.get(mapcount >>> 24);
  }
  const table = btf.has('page', 'mem_cgroup') ? 0x400 : 0x200;
  return (mapcount) => {
    if ((mapcount & PAGE_TYPE_BASE) >>> 0 !== PAGE_TYPE_BASE || mapcount === 0xffff_ffff) {
      return undefined;
    }
    if ((mapcount & 0x80) === 0) return 'buddy';
    if ((mapcount & 0x100) === 0) return 'offline';
    if ((mapcount & table) === 0) return 'table';
    return undefined;
  };
}
