// SPDX-License-Identifier: Apache-2.0
// From what someone typed to a page: a guest physical address, a frame number, or a virtual address of
// the process that is selected.
import { PAGE_BYTES } from '@rekindle/memory';
import type { RunView } from './run-view.ts';

/** @returns the slot, or why there is none, in a few words (empty for an empty search) */
export function findPage(view: RunView, text: string): { slot: number } | string {
  const trimmed = text.trim().replace(/_/g, '');
  if (trimmed === '') return '';
  const hexadecimal = /^0x[0-9a-f]+$/i.test(trimmed);
  if (!hexadecimal && !/^\d+$/.test(trimmed)) return 'neither 0x… nor a frame number';
  const value = Number(trimmed);
  if (!Number.isSafeInteger(value)) return 'too large for an address';
  if (!hexadecimal) {
    const slot = view.run.ram.slotOf(value * PAGE_BYTES);
    return slot < 0 ? 'no such frame' : { slot };
  }
  const virtual = virtualSlot(view, value);
  if (view.space === 'virtual' && virtual >= 0) return { slot: virtual };
  const slot = view.run.ram.slotOf(value);
  if (slot >= 0) return { slot };
  return virtual >= 0 ? { slot: virtual } : 'no page in memory there';
}

function virtualSlot(view: RunView, address: number): number {
  const page = Math.floor(address / PAGE_BYTES) * PAGE_BYTES;
  for (const id of view.selection) {
    const { virtual, slot } = view.graph.addressSpaceOf(view.graph.owners[id]!.root);
    const at = virtual.indexOf(page);
    if (at >= 0) return slot[at]!;
  }
  return -1;
}
