// SPDX-License-Identifier: Apache-2.0
// Whose pages were the faults.
import { classIndex, OWNER_CLASSES, PAGE_BYTES } from '@rekindle/memory';
import type { Run } from './run.ts';
import { RACED, ZERO } from './run.ts';
import { type Column, column, type Table, table } from './table.ts';

/** One row per class of owner, in the order of OWNER_CLASSES; classes that have nothing are left out. */
export type OwnerTable = Table<{
  owner: Column<readonly string[]>;
  /** Pages in memory when the snapshot was taken. */
  resident: Column<Float64Array>;
  faults: Column<Float64Array>;
  /** Faults answered with content of the memory file, and with zeroes. */
  copied: Column<Float64Array>;
  zeroed: Column<Float64Array>;
  prefetched: Column<Float64Array>;
  /** Bytes brought in, by faults and prefetches. */
  bytes: Column<Float64Array>;
  stalled: Column<Float64Array>;
}>;

/** Faults, prefetches and the time they took, by class of owner. */
export function ownersOfFaults(run: Run): OwnerTable {
  const classes = OWNER_CLASSES.length;
  const sums = () => new Float64Array(classes);
  const resident = sums();
  const faults = sums();
  const copied = sums();
  const zeroed = sums();
  const prefetched = sums();
  const bytes = sums();
  const stalled = sums();
  const unknown = classIndex('unknown');
  for (const owner of run.graph.classes) resident[owner]!++;
  const classAt = (guestPhysical: number): number => {
    const slot = run.ram.slotOf(guestPhysical);
    return slot < 0 ? unknown : run.graph.classes[slot]!;
  };
  const fault = run.faults.columns;
  for (let row = 0; row < run.faults.rows; row++) {
    const owner = classAt(fault.guestPhysical.values[row]!);
    const action = fault.action.values[row];
    faults[owner]!++;
    stalled[owner]! += fault.duration.values[row]!;
    if (action === RACED) continue;
    if (action === ZERO) zeroed[owner]!++;
    else copied[owner]!++;
    bytes[owner]! += PAGE_BYTES;
  }
  const prefetch = run.prefetches.columns;
  for (let row = 0; row < run.prefetches.rows; row++) {
    for (let page = 0; page < prefetch.pages.values[row]!; page++) {
      const owner = classAt(prefetch.guestPhysical.values[row]! + page * PAGE_BYTES);
      prefetched[owner]!++;
      bytes[owner]! += PAGE_BYTES;
    }
  }
  const kept = OWNER_CLASSES.flatMap((_, i) =>
    resident[i]! + faults[i]! + prefetched[i]! > 0 ? [i] : [],
  );
  const pick = (values: Float64Array) => Float64Array.from(kept, (i) => values[i]!);
  return table(`Owners of the faults of ${run.name}`, {
    owner: column(
      'Owner',
      'text',
      kept.map((i) => OWNER_CLASSES[i]!),
    ),
    resident: column('Resident', 'pages', pick(resident)),
    faults: column('Faults', 'count', pick(faults)),
    copied: column('Copied', 'pages', pick(copied)),
    zeroed: column('Zeroed', 'pages', pick(zeroed)),
    prefetched: column('Prefetched', 'pages', pick(prefetched)),
    bytes: column('Brought In', 'bytes', pick(bytes)),
    stalled: column('Stalled', 'ns', pick(stalled)),
  });
}
