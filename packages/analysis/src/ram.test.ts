// SPDX-License-Identifier: Apache-2.0
import { PAGE_BYTES } from '@rekindle/memory';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { guessRam, RamLayout } from './ram.ts';

const GIB = 1024 ** 3;

describe('RAM with a hole', () => {
  const ram = new RamLayout([
    { guestPhysical: 4 * GIB, bytes: GIB },
    { guestPhysical: 0, bytes: 3 * GIB },
  ]);

  it('numbers pages across the hole', () => {
    expect(ram.slots).toBe((4 * GIB) / PAGE_BYTES);
    expect(ram.slotOf(3 * GIB - 1)).toBe((3 * GIB) / PAGE_BYTES - 1);
    expect(ram.slotOf(4 * GIB)).toBe((3 * GIB) / PAGE_BYTES);
    expect(ram.addressOf((3 * GIB) / PAGE_BYTES)).toBe(4 * GIB);
  });

  it('knows no page in the hole, before the start and past the end', () => {
    for (const address of [3 * GIB, 4 * GIB - 1, -1, 5 * GIB]) expect(ram.slotOf(address)).toBe(-1);
    for (const slot of [-1, ram.slots]) expect(ram.addressOf(slot)).toBe(-1);
  });

  it('finds every page again', () => {
    fc.assert(
      fc.property(fc.nat(ram.slots - 1), fc.nat(PAGE_BYTES - 1), (slot, offset) => {
        expect(ram.slotOf(ram.addressOf(slot) + offset)).toBe(slot);
      }),
    );
  });
});

describe('RAM guessed from what is known of it', () => {
  it('ends at a round address', () => {
    expect(guessRam([500 * 1024 ** 2 + PAGE_BYTES]).ranges).toEqual([
      { guestPhysical: 0, bytes: 512 * 1024 ** 2, firstSlot: 0 },
    ]);
  });

  it('has a hole below 4 GiB where there is memory above', () => {
    expect(guessRam([2 * GIB, 5 * GIB, PAGE_BYTES]).ranges).toEqual([
      { guestPhysical: 0, bytes: 2 * GIB, firstSlot: 0 },
      { guestPhysical: 4 * GIB, bytes: GIB, firstSlot: (2 * GIB) / PAGE_BYTES },
    ]);
  });

  it('is empty where nothing is known', () => {
    expect(guessRam([]).slots).toBe(0);
  });
});
