// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Image, NO_EXECUTE, PRESENT, TableAssembler, WRITABLE } from '../testing/assembler.ts';
import { NOWHERE } from './guest-kernel.ts';
import { type MappedPage, PageTables } from './page-tables.ts';
import { PhysicalMemory } from './physical-memory.ts';

const MIB = 2 ** 20;
const halves = (address: bigint) => ({
  high: Number((address >> 32n) & 0xffff_ffffn),
  low: Number(address & 0xffff_ffffn),
});

function assembled(levels: 4 | 5) {
  const image = new Image(4 * MIB);
  const assembler = new TableAssembler(image, levels, 1);
  const root = assembler.root();
  const memory = () =>
    new PhysicalMemory({
      byteLength: image.bytes.length,
      slice: (start, end) => image.bytes.subarray(start, end),
    });
  const walk = (from = 0, to = 2 ** 64) => {
    const pages: MappedPage[] = [];
    new PageTables(memory(), levels).walk(root, from, to, (page) => pages.push({ ...page }));
    return pages;
  };
  const translate = (address: bigint) =>
    new PageTables(memory(), levels).translate(root, halves(address));
  return { assembler, image, root, walk, translate };
}

describe.each([4, 5] as const)('page tables of %i levels', (levels) => {
  it('tell pages of every size, with their rights', () => {
    const { assembler, root, walk, translate } = assembled(levels);
    assembler.map(root, 0x7fff_ffff_f000n, 0x5000, PRESENT);
    assembler.map(root, 0x40_0000n, 0x20_0000, PRESENT | WRITABLE | NO_EXECUTE, 2);
    assembler.map(root, 0x8000_0000n, 0x4000_0000, PRESENT, 3);
    assembler.map(root, 0xffff_ffff_8100_0000n, 0x6000, PRESENT | NO_EXECUTE);
    expect(walk()).toEqual([
      { virtual: 0x40_0000, physical: 0x20_0000, pages: 512, writable: true, executable: false },
      {
        virtual: 0x8000_0000,
        physical: 0x4000_0000,
        pages: 262_144,
        writable: false,
        executable: true,
      },
      { virtual: 0x7fff_ffff_f000, physical: 0x5000, pages: 1, writable: false, executable: true },
      {
        virtual: 0xffff_ffff_8100_0000,
        physical: 0x6000,
        pages: 1,
        writable: false,
        executable: false,
      },
    ]);
    expect(walk(0, 0x8000_0000).length).toBe(1);
    expect(walk(0xffff_ffff_8000_0000).map(({ physical }) => physical)).toEqual([0x6000]);
    expect(translate(0x7fff_ffff_f123n)).toBe(0x5123);
    expect(translate(0x40_1234n)).toBe(0x20_1234);
    expect(translate(0x8012_3456n)).toBe(0x4012_3456);
    expect(translate(0xffff_ffff_8100_0001n)).toBe(0x6001);
    expect(translate(0x60_0000n)).toBe(NOWHERE);
  });

  it('tell what was mapped, whatever it was', () => {
    const page = fc.record({
      virtual: fc.bigInt({ min: 0n, max: (1n << 35n) - 1n }),
      physical: fc.nat(2 ** 20),
      writable: fc.boolean(),
      executable: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(page, { selector: ({ virtual }) => virtual, maxLength: 30 }),
        (pages) => {
          const { assembler, root, walk, translate } = assembled(levels);
          for (const { virtual, physical, writable, executable } of pages) {
            const bits = PRESENT | (writable ? WRITABLE : 0n) | (executable ? 0n : NO_EXECUTE);
            assembler.map(root, virtual * 4096n, physical * 4096, bits);
          }
          const sorted = [...pages].sort((a, b) => (a.virtual < b.virtual ? -1 : 1));
          expect(walk()).toEqual(
            sorted.map(({ virtual, physical, ...rights }) => ({
              virtual: Number(virtual) * 4096,
              physical: physical * 4096,
              pages: 1,
              ...rights,
            })),
          );
          for (const { virtual, physical } of pages) {
            expect(translate(virtual * 4096n + 5n)).toBe(physical * 4096 + 5);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it('that lead in a circle are left after as many tables as there are frames', () => {
    const { image, root, walk } = assembled(levels);
    for (let entry = 0; entry < 512; entry++) image.u64(root + entry * 8, [0, root | 3]);
    const start = performance.now();
    expect(walk(0, 2 ** 47).length).toBeLessThanOrEqual(1024 * 512);
    expect(performance.now() - start).toBeLessThan(5000);
  });
});
