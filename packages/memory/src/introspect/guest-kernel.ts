// SPDX-License-Identifier: Apache-2.0
// A guest's kernel in its memory: pointers followed, structures by BTF.
//
// Kernel addresses (x86-64, Documentation/arch/x86/x86_64/mm.rst): the direct map begins at
// page_offset_base; the image is mapped from ffffffff80000000 on, for at most 1 GiB. Both are linear:
// physical address = virtual address - a constant. A pointer is translated when it is read, and from
// there on is a guest physical address: 64-bit pointers do not fit into a number, those do.
import type { Btf } from './btf.ts';
import type { PhysicalMemory } from './physical-memory.ts';

/** A 64-bit address as two 32-bit halves. */
export interface Address {
  readonly high: number;
  readonly low: number;
}

/** A pointer of the guest leads nowhere that is known. */
export const NOWHERE = -1;

export class GuestKernel {
  readonly memory: PhysicalMemory;
  readonly btf: Btf;
  /** Virtual less physical address of the image. */
  readonly image: Address;
  /** Virtual address of physical address 0 in the direct map; undefined until it is found. */
  directMap: Address | undefined;

  constructor(memory: PhysicalMemory, btf: Btf, image: Address) {
    this.memory = memory;
    this.btf = btf;
    this.image = image;
  }

  /** Physical address of a virtual one: 0 for NULL, NOWHERE outside image and direct map. */
  physical(high: number, low: number): number {
    if (high === 0 && low === 0) return 0;
    const base = high === 0xffff_ffff && isImage(low) ? this.image : this.directMap;
    if (base === undefined) return NOWHERE;
    const address = (high - base.high) * 0x1_0000_0000 + (low - base.low);
    return address >= 0 && this.memory.holds(address, 1) ? address : NOWHERE;
  }

  /** Follows the pointer at a physical address. */
  follow(address: number): number {
    return this.physical(this.memory.u32(address + 4), this.memory.u32(address));
  }

  /** A 64-bit value below 2^53, or page-aligned. */
  u64(address: number): number {
    return this.memory.u32(address + 4) * 0x1_0000_0000 + this.memory.u32(address);
  }

  /**
   * Walks a circular list: `head` is the list's own node, the nodes are given. Ends at the head, at a
   * pointer that leads nowhere, or after `most` nodes.
   */
  *list(head: number, most: number): Generator<number> {
    let node = this.follow(head);
    for (let i = 0; i < most && node > 0 && node !== head; i++) {
      yield node;
      node = this.follow(node);
    }
  }
}

function isImage(low: number): boolean {
  return low >= 0x8000_0000 && low < 0xc000_0000;
}
