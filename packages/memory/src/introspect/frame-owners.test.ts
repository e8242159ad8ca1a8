// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { assembleBtf } from '../testing/assembler.ts';
import { Btf } from './btf.ts';
import { frameOwners } from './frame-owners.ts';
import type { PageFrames } from './page-frames.ts';

const flagNames = { pageflags: { PG_slab: 9, PG_reserved: 12 } };
const struct = { page: { size: 64, members: [['flags', 0]] as const } };

interface Frame {
  readonly flags?: number;
  readonly mapcount?: number;
  readonly mapping?: readonly [high: number, low: number];
  readonly order?: number;
  readonly head?: number;
}

function frames(list: readonly (Frame | null)[]): PageFrames {
  const column = (value: (frame: Frame) => number) =>
    Uint32Array.from(list, (frame) => (frame === null ? 0 : value(frame)));
  return {
    count: list.length,
    known: Uint8Array.from(list, (frame) => (frame === null ? 0 : 1)),
    flags: column(({ flags }) => flags ?? 0),
    mapcount: column(({ mapcount }) => mapcount ?? 0xffff_ffff),
    mappingHigh: column(({ mapping }) => mapping?.[0] ?? 0),
    mappingLow: column(({ mapping }) => mapping?.[1] ?? 0),
    index: column(() => 0),
    order: column(({ order }) => order ?? 0),
    head: Uint32Array.from(list, (frame, i) => frame?.head ?? i),
  };
}

const FILE = [0xffff_8880, 0x1000] as const;
const ANON = [0xffff_8880, 0x1001] as const;

describe('owners of frames', () => {
  it('follow the page type as a bit that is cleared, until Linux 6.10', () => {
    const btf = new Btf(assembleBtf(struct, flagNames));
    const kinds = frameOwners(
      frames([
        null,
        { mapcount: 0xffff_ff7f, order: 1 }, // a free block of two, of which the second says nothing
        {},
        { flags: 1 << 9 },
        { mapcount: 0xffff_fdff },
        { mapcount: 0xffff_feff },
        { flags: 1 << 12 },
        { mapping: ANON },
        { mapping: [0xffff_8880, 0x1003] }, // merged by KSM
        { mapping: FILE },
        { head: 9 }, // the tail of a large page is what its head is
        { mapping: [0xffff_8880, 0x1002] }, // movable, a driver's
        { mapping: [0, 0x400] }, // TAIL_MAPPING and the like: no pointer
        {},
      ]),
      btf,
    );
    expect(kinds).toEqual([
      undefined,
      'free',
      'free',
      'slab',
      'page table',
      'reserved',
      'reserved',
      'anon',
      'anon',
      'file',
      'file',
      'kernel',
      'kernel',
      'kernel',
    ]);
  });

  it('follow the page type as a number, from Linux 6.11 on', () => {
    const pagetype = { PGTY_buddy: 0xf0, PGTY_offline: 0xf1, PGTY_table: 0xf2, PGTY_slab: 0xf5 };
    const btf = new Btf(assembleBtf(struct, { ...flagNames, pagetype }));
    const kinds = frameOwners(
      frames([
        { mapcount: 0xf0ff_ffff },
        { mapcount: 0xf2ff_ffff },
        { mapcount: 0xf5ff_ffff },
        { head: 2 },
        { mapcount: 0xf1ff_ffff },
        { mapping: ANON, mapcount: 0 },
      ]),
      btf,
    );
    expect(kinds).toEqual(['free', 'page table', 'slab', 'slab', 'reserved', 'anon']);
  });

  it('do not run over the end with a free block of nonsense order', () => {
    const btf = new Btf(assembleBtf(struct, flagNames));
    expect(frameOwners(frames([{ mapcount: 0xffff_ff7f, order: 4_000_000_000 }, {}]), btf)).toEqual(
      ['free', 'free'],
    );
  });
});
