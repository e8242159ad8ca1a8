// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkLayout,
  fileOffsetOf,
  firecrackerLayout,
  guestPhysicalOf,
  q35Layout,
} from './guest-layout.ts';

const GIB = 2 ** 30;

describe('layouts', () => {
  it('leaves the hole from 3 to 4 GiB (Firecracker) and from 256 to 512 GiB', () => {
    expect(firecrackerLayout(GIB)).toEqual([{ guestPhysical: 0, bytes: GIB, fileOffset: 0 }]);
    expect(firecrackerLayout(300 * GIB)).toEqual([
      { guestPhysical: 0, bytes: 3 * GIB, fileOffset: 0 },
      { guestPhysical: 4 * GIB, bytes: 252 * GIB, fileOffset: 3 * GIB },
      { guestPhysical: 512 * GIB, bytes: 45 * GIB, fileOffset: 255 * GIB },
    ]);
  });

  it('moves memory above 2 GiB up when a q35 has 2.75 GiB or more', () => {
    expect(q35Layout(2.5 * GIB)).toHaveLength(1);
    expect(q35Layout(4 * GIB)).toEqual([
      { guestPhysical: 0, bytes: 2 * GIB, fileOffset: 0 },
      { guestPhysical: 4 * GIB, bytes: 2 * GIB, fileOffset: 2 * GIB },
    ]);
  });

  it('maps file offsets to the guest and back', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2 ** 28 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.boolean(),
        (pages, where, q35) => {
          const bytes = pages * 4096;
          const layout = (q35 ? q35Layout : firecrackerLayout)(bytes);
          const offset = Math.floor(where * bytes);
          expect(checkLayout(layout, bytes)).toEqual(layout);
          expect(fileOffsetOf(layout, guestPhysicalOf(layout, offset))).toBe(offset);
        },
      ),
    );
    expect(fileOffsetOf(firecrackerLayout(8 * GIB), 3.5 * GIB)).toBe(-1);
  });

  it('refuses a layout that is not the memory', () => {
    const range = { guestPhysical: 0, bytes: 8192, fileOffset: 0 };
    expect(() => checkLayout([range], 4096)).toThrow(/cover 8192 bytes of a memory of 4096/);
    expect(() => checkLayout([range, { ...range, fileOffset: 8192 }], 16384)).toThrow(/overlaps/);
    expect(() => checkLayout([{ ...range, fileOffset: 4096 }], 12288)).toThrow(
      /expected the range/,
    );
    expect(() => checkLayout([{ ...range, bytes: 100 }], 100)).toThrow(/whole number of pages/);
  });
});
