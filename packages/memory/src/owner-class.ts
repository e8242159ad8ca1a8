// SPDX-License-Identifier: Apache-2.0
// The few classes of owner that a table can afford: every page frame is in exactly one.
//
// First rule that fits a frame:
//   1. the kernel's image, slab, page table, reserved or otherwise named by the kernel: kernel. Also
//      when a process maps it, as every process maps the vDSO and the shared zero page.
//   2. mapped by a Java process: the class of the JVM's area there; of several, the first in
//      OWNER_CLASSES. Where the JVM tells no area (malloc, libraries, files): jvm other.
//   3. mapped by another process: other processes.
//   4. a page of a file, mapped by nobody that we know: page cache.
//   5. anonymous but mapped by nobody that we know (swap cache, a process that went): other processes.
//   6. free in the buddy allocator: free.
//   7. the kernel's own allocation of a use it does not tell: kernel.
//   8. nothing is known of it: unknown.
// A mapping comes before "free" because the page flags are read after the page tables: what was mapped
// at the first reading is that process's page.
import type { OwnerKind } from './frames.ts';

/** Classes of owner, the most specific first. */
export const OWNER_CLASSES = [
  'java heap',
  'metaspace',
  'code cache',
  'class archive',
  'thread stacks',
  'jvm other',
  'other processes',
  'page cache',
  'kernel',
  'free',
  'unknown',
] as const;
export type OwnerClass = (typeof OWNER_CLASSES)[number];

const indices = new Map<OwnerClass, number>(OWNER_CLASSES.map((name, index) => [name, index]));

/** Index of a class in OWNER_CLASSES. */
export function classIndex(name: OwnerClass): number {
  return indices.get(name)!;
}

/** The class of an area of native memory tracking, by the names JDK 17 and 25 give. */
export function classOfJvmArea(area: string): OwnerClass {
  switch (area.toLowerCase()) {
    case 'java heap':
      return 'java heap';
    case 'metaspace':
    case 'class':
      return 'metaspace';
    case 'code':
      return 'code cache';
    case 'shared class space':
      return 'class archive';
    case 'thread':
    case 'thread stack':
      return 'thread stacks';
    default:
      return 'jvm other';
  }
}

/** Whether rule 1 holds for a frame of this kind and name. */
export function belongsToKernel(kind: OwnerKind, named: boolean): boolean {
  switch (kind) {
    case 'kernel text':
    case 'slab':
    case 'page table':
    case 'reserved':
      return true;
    case 'kernel':
      return named;
    default:
      return false;
  }
}

/** The class of a frame that no process maps. */
export function classOfFrameKind(kind: OwnerKind | undefined): OwnerClass {
  switch (kind) {
    case undefined:
      return 'unknown';
    case 'file':
    case 'page cache':
      return 'page cache';
    case 'anon':
      return 'other processes';
    case 'free':
      return 'free';
    default:
      return 'kernel';
  }
}
