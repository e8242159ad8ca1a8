// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryError } from '../error.ts';
import { assembleBtf } from '../testing/assembler.ts';
import { Btf } from './btf.ts';

const bytes = assembleBtf(
  {
    list_head: {
      size: 16,
      members: [
        ['next', 0],
        ['prev', 8],
      ],
    },
    '(inner)': {
      size: 16,
      members: [
        ['private', 8],
        ['order', 12],
      ],
    },
    '(outer)': {
      size: 24,
      members: [
        ['', 8, '(inner)'],
        ['index', 0],
      ],
    },
    page: {
      size: 64,
      members: [
        ['flags', 0],
        ['', 8, '(outer)'],
        ['lru', 32, 'list_head'],
      ],
    },
  },
  { pageflags: { PG_locked: 0, PG_slab: 9 }, empty: {} },
);

describe('BTF', () => {
  const btf = new Btf(bytes);

  it('tells offsets of members, past anonymous ones and into named ones', () => {
    expect(btf.offset('page', 'flags')).toBe(0);
    expect(btf.offset('page', 'index')).toBe(8);
    expect(btf.offset('page', 'private')).toBe(24);
    expect(btf.offset('page', 'order')).toBe(28);
    expect(btf.offset('page', 'lru.prev')).toBe(40);
    expect(btf.size('page')).toBe(64);
  });

  it('tells what there is and what there is not', () => {
    expect(btf.has('page')).toBe(true);
    expect(btf.has('page', 'lru.next')).toBe(true);
    expect(btf.has('page', 'lru.last')).toBe(false);
    expect(btf.has('folio')).toBe(false);
    expect(btf.enumerator('pageflags', 'PG_slab')).toBe(9);
    expect(btf.enumerator('pageflags', 'PG_error')).toBeUndefined();
    expect(btf.enumerator('pagetype', 'PGTY_buddy')).toBeUndefined();
    expect(() => btf.offset('page', 'mapping')).toThrow(
      expect.objectContaining({
        code: 'bad-btf',
        message: expect.stringContaining('page.mapping'),
      }),
    );
  });

  it('looks through typedef and const, as many as there are', () => {
    // int, struct s { member x at 4 }, typedef -> s, const -> typedef, struct t { member m: const at 8 }
    const strings = '\0int\0s\0x\0t\0m\0';
    const words = [
      ...[1, 1 << 24, 4, 32],
      ...[5, (4 << 24) | 1, 8, 7, 1, 4 * 8],
      ...[5, 8 << 24, 2],
      ...[0, 10 << 24, 3],
      ...[9, (4 << 24) | 1, 16, 11, 4, 8 * 8],
    ];
    const header = [0x0001_eb9f, 24, 0, words.length * 4, words.length * 4, strings.length];
    const raw = new Uint8Array(24 + words.length * 4 + strings.length);
    new Uint32Array(raw.buffer, 0, 6 + words.length).set([...header, ...words]);
    raw.set(new TextEncoder().encode(strings), 24 + words.length * 4);
    expect(new Btf(raw).offset('t', 'm.x')).toBe(12);
  });

  it.each([
    ['nothing', bytes.subarray(0, 10)],
    ['another magic', Uint8Array.from(bytes, (byte, i) => (i === 0 ? 0 : byte))],
    ['a cut', bytes.subarray(0, bytes.length - 1)],
  ])('refuses %s', (_, damaged) => {
    expect(() => new Btf(damaged)).toThrow(expect.objectContaining({ code: 'bad-btf' }));
  });

  it('refuses or reads whatever was overwritten, and ends', () => {
    const change = fc.record({ at: fc.nat(bytes.length - 1), value: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 12 }), (changes) => {
        const damaged = bytes.slice();
        for (const { at, value } of changes) damaged[at] = value;
        try {
          const btf = new Btf(damaged);
          btf.has('page', 'lru.next');
          btf.has('page', 'private');
          btf.enumerator('pageflags', 'PG_slab');
        } catch (error) {
          expect(error).toBeInstanceOf(MemoryError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
