// SPDX-License-Identifier: Apache-2.0
// Faults crossed with owners: who was it that came back into memory.
import { PAGE_BYTES } from './frames.ts';
import type { GuestMemory } from './guest-memory.ts';
import { classIndex, OWNER_CLASSES, type OwnerClass } from './owner-class.ts';

/** One owner class in a table of faults. */
export interface FaultRow {
  readonly class: OwnerClass;
  readonly faults: number;
  /** Different pages that faulted: a page given back and touched again faults twice. */
  readonly touched: number;
  /** Pages the class has in memory. */
  readonly resident: number;
}

export interface FaultOwners {
  /** Index into OWNER_CLASSES for every fault. */
  readonly classes: Uint8Array;
  /** A row for every class, in the order of OWNER_CLASSES. */
  readonly table: readonly FaultRow[];
}

/** The owner class of every fault. Addresses are guest physical, in bytes, not necessarily of pages. */
export function attributeFaults(
  memory: GuestMemory,
  faults: { readonly guestPhysical: ArrayLike<number> },
): FaultOwners {
  const owners = memory.ownership.classes;
  const unknown = classIndex('unknown');
  const { guestPhysical } = faults;
  const classes = new Uint8Array(guestPhysical.length);
  const seen = new Set<number>();
  const count = OWNER_CLASSES.map(() => ({ faults: 0, touched: 0 }));
  for (let i = 0; i < guestPhysical.length; i++) {
    const frame = Math.floor(guestPhysical[i]! / PAGE_BYTES);
    const code = owners[frame] ?? unknown;
    classes[i] = code;
    count[code]!.faults++;
    if (!seen.has(frame)) count[code]!.touched++;
    seen.add(frame);
  }
  const resident = memory.ownership.totals();
  const table = OWNER_CLASSES.map((name, index) => ({
    class: name,
    ...count[index]!,
    resident: resident[name],
  }));
  return { classes, table };
}
