// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryError } from '../error.ts';
import { kindOf } from '../frames.ts';
import { assembleGuest } from '../testing/assembled-guest.ts';
import { introspect } from './introspect.ts';
import type { SyncByteSource } from './physical-memory.ts';

const source = (bytes: Uint8Array): SyncByteSource => ({
  byteLength: bytes.length,
  slice: (start, end) => {
    if (!(start >= 0 && start <= end && end <= bytes.length)) throw new RangeError('outside');
    return bytes.subarray(start, end);
  },
});

describe.each([
  [4, '6.1'],
  [5, '6.1'],
  [4, '5.10'],
  [4, '7.3'],
] as const)(
  'introspection of a guest with page tables of %i levels and a kernel like %s',
  (levels, shape) => {
    const { bytes, tables } = assembleGuest(levels, shape);
    const { memory, ...found } = introspect(source(bytes));
    const { mappings, runs, frames } = memory;

    it('finds the kernel and its tasks', () => {
      expect(found).toEqual({
        kernelRelease: '6.1.0-assembled',
        pageTableLevels: levels,
        tasks: 3,
      });
      expect(memory.processes).toEqual([{ pid: 1, name: 'init', executable: '/bin/init' }]);
    });

    it('finds areas and names them as /proc does', () => {
      const areas = Array.from({ length: mappings.length }, (_, i) => [
        mappings.start[i],
        mappings.end[i],
        mappings.names[mappings.name[i]!],
        mappings.resident[i],
      ]);
      expect(areas).toEqual([
        [0x40_0000, 0x40_1000, '/bin/init', 1],
        [0x60_0000, 0x60_2000, '[heap]', 2],
        [0x7ffe_0000_1000, 0x7ffe_0000_2000, '[vdso]', 1],
        [0x7fff_0000_0000, 0x7fff_0001_0000, '[stack]', 0],
      ]);
    });

    it('finds pages, also one that may not be touched', () => {
      const pages = Array.from({ length: runs.length }, (_, i) => [
        runs.virtual[i],
        runs.guestPhysical[i]! / 4096,
        runs.pages[i],
        runs.flags[i],
      ]);
      expect(pages).toEqual([
        [0x40_0000, 100, 1, 3],
        [0x60_0000, 101, 1, 1],
        [0x60_1000, 102, 1, 0],
        [0x7ffe_0000_1000, 103, 1, 2],
      ]);
    });

    it('finds the owner of every frame', () => {
      const owner = (frame: number) => [
        kindOf(frames.kind[frame]!),
        frames.names[frames.name[frame]!],
      ];
      expect(owner(0)).toEqual(['reserved', '']);
      expect([1, 2].map(owner)).toEqual(Array(2).fill(['kernel text', 'Kernel code']));
      expect([3, 4, 5].map(owner)).toEqual(Array(3).fill(['kernel', 'Kernel rodata']));
      expect([6, 7].map(owner)).toEqual(Array(2).fill(['kernel', 'Kernel data']));
      expect([8, 15, 200, 511].map(owner)).toEqual(Array(4).fill(['kernel', '']));
      expect([16, 31].map(owner)).toEqual(Array(2).fill(['slab', '']));
      expect(tables.map(owner)).toEqual(tables.map(() => ['page table', '']));
      expect(owner(100)).toEqual(['file', '/bin/init']);
      expect([101, 102].map(owner)).toEqual(Array(2).fill(['anon', '']));
      expect([110, 111].map(owner)).toEqual(Array(2).fill(['page cache', '/table']));
      expect([128, 191].map(owner)).toEqual(Array(2).fill(['free', '']));
      const free = frames.kind.filter((code) => kindOf(code) === 'free');
      expect(free.length).toBe(64);
    });
  },
);

describe('introspection', () => {
  const whole = assembleGuest().bytes;
  const said = (bytes: Uint8Array) => {
    const { memory } = introspect(source(bytes));
    return { processes: memory.processes, totals: memory.ownership.totals() };
  };

  it('passes by a damaged copy of the type information', () => {
    // As a bzImage's decompressor leaves behind: the header is whole, the types are overwritten.
    const bytes = whole.slice();
    bytes.copyWithin(300 * 4096, 3 * 4096 + 64, 6 * 4096);
    bytes.copyWithin(3 * 4096 + 64 + 24 + 100, 0, 512);
    expect(said(bytes)).toEqual(said(whole));
  });

  it('reads memory in regions, as guests with a hole below 4 GiB have it', () => {
    const half = whole.length / 2;
    const { memory } = introspect(source(whole), {
      regions: [
        { guestPhysical: 0, bytes: half, fileOffset: 0 },
        { guestPhysical: half, bytes: half, fileOffset: half },
      ],
    });
    expect(memory.ownership.totals()).toEqual(said(whole).totals);
  });

  it.each([
    ['no type information', (bytes: Uint8Array) => bytes.fill(0, 3 * 4096, 6 * 4096), 'no-btf'],
    ['no first task', (bytes: Uint8Array) => bytes.fill(0, 6 * 4096, 6 * 4096 + 1024), 'no-kernel'],
    ['no process 1', (bytes: Uint8Array) => bytes.fill(0, 16 * 4096, 17 * 4096), 'no-kernel'],
    ['no VMCOREINFO', (bytes: Uint8Array) => bytes.fill(0, 7 * 4096, 8 * 4096), 'no-kernel'],
    ['no frame table', (bytes: Uint8Array) => bytes.fill(0, 19 * 4096, 20 * 4096), 'no-kernel'],
  ])('says what is missing: %s', (_, damage, code) => {
    const bytes = whole.slice();
    damage(bytes);
    expect(() => introspect(source(bytes))).toThrow(expect.objectContaining({ code }));
  });

  it('refuses regions that the file does not hold', () => {
    expect(() =>
      introspect(source(whole), {
        regions: [{ guestPhysical: 0, bytes: whole.length + 4096, fileOffset: 0 }],
      }),
    ).toThrow(expect.objectContaining({ code: 'bad-guest-memory' }));
  });

  it('ends, with an answer or with its own error, whatever was overwritten', () => {
    // Single bytes of the image, tables and structures; pointers bent to lead elsewhere, or in circles.
    const byte = fc.record({ at: fc.integer({ min: 4096, max: 48 * 4096 }), value: fc.nat(255) });
    const bent = fc
      .record({ word: fc.nat(8 * 512), to: fc.nat(8 * 4096) })
      .map(({ word, to }) => ({ at: 16 * 4096 + word * 8, value: 16 * 4096 + to }));
    const damage = fc.array(fc.oneof(byte, bent), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(damage, (changes) => {
        const bytes = whole.slice();
        const view = new DataView(bytes.buffer);
        for (const { at, value } of changes) {
          if (value < 256) bytes[at] = value;
          else if (view.getUint32(at + 4, true) === 0xffff_8880) view.setUint32(at, value, true);
        }
        try {
          introspect(source(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(MemoryError);
        }
      }),
      { numRuns: 150 },
    );
  });
});
