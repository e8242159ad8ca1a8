// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HANDSHAKE_LIMIT, HandshakeReader, parseHandshake } from './handshake.ts';
import { PagerError } from './pager-error.ts';

const region = (fields: Record<string, unknown> = {}): Record<string, unknown> => ({
  base_host_virt_addr: 0x7f0000000000,
  size: 8192,
  offset: 0,
  page_size: 4096,
  page_size_kib: 4096,
  ...fields,
});

const parsed = (...regions: unknown[]) => parseHandshake(JSON.stringify(regions));

describe('parseHandshake', () => {
  it('reads the page size from page_size, else from page_size_kib (bytes too), else 4096', () => {
    const huge = 2 << 20;
    expect(parsed(region({ size: huge, page_size: huge }))[0]).toEqual({
      hostVirtual: 0x7f0000000000,
      size: huge,
      offset: 0,
      pageSize: huge,
    });
    const old = region({ size: huge, page_size_kib: huge });
    delete old.page_size;
    expect(parsed(old)[0]?.pageSize).toBe(huge);
    delete old.page_size_kib;
    expect(parsed(old)[0]?.pageSize).toBe(4096);
  });

  it('orders regions by offset', () => {
    const regions = parsed(
      region({ offset: 8192, base_host_virt_addr: 0x10000 }),
      region({ base_host_virt_addr: 0x20000 }),
    );
    expect(regions.map(({ offset }) => offset)).toEqual([0, 8192]);
  });

  it.each([
    ['no array', '{}'],
    ['no JSON', '['],
    ['an empty array', '[]'],
    ['a number', '[1]'],
    ['a nested array', '[[]]'],
    ['a missing address', JSON.stringify([region({ base_host_virt_addr: undefined })])],
    ['a negative size', JSON.stringify([region({ size: -4096 })])],
    ['a fraction', JSON.stringify([region({ size: 4096.5 })])],
    ['a size in letters', JSON.stringify([region({ size: '8192' })])],
    ['an address beyond 2^53', '[{"base_host_virt_addr":9007199254740993,"size":4096,"offset":0}]'],
    ['an empty region', JSON.stringify([region({ size: 0 })])],
    [
      'a page size of 4 (KiB, as the documentation says)',
      JSON.stringify([region({ page_size: 4 })]),
    ],
    ['a size of half a page', JSON.stringify([region({ size: 2048 })])],
    ['a crooked address', JSON.stringify([region({ base_host_virt_addr: 4097 })])],
    ['a gap in the file', JSON.stringify([region({ offset: 4096 })])],
    [
      'an overlap in the file',
      JSON.stringify([region(), region({ offset: 4096, base_host_virt_addr: 0x100000 })]),
    ],
    ['an overlap in memory', JSON.stringify([region(), region({ offset: 8192 })])],
    [
      'two page sizes',
      JSON.stringify([
        region(),
        region({ offset: 8192, size: 2 << 20, page_size: 2 << 20, base_host_virt_addr: 2 << 20 }),
      ]),
    ],
  ])('refuses %s', (_what, text) => {
    expect(() => parseHandshake(text)).toThrow(PagerError);
  });
});

describe('HandshakeReader', () => {
  it('finds the end wherever the pieces are cut, also around strings with brackets', () => {
    const text = JSON.stringify([
      region({ note: 'a ] and a } and a \\" in a string' }),
      region({ offset: 8192, base_host_virt_addr: 0x10000 }),
    ]);
    const bytes = new TextEncoder().encode(` ${text}\n`);
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 12 }),
        (cuts) => {
          const reader = new HandshakeReader();
          const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
          let regions: unknown;
          for (let i = 1; i < places.length; i++) {
            regions = reader.push(bytes.subarray(places[i - 1], places[i]));
          }
          expect(regions).toEqual(parseHandshake(text));
        },
      ),
    );
  });

  it('takes a message far longer than the 1024 bytes of the example handlers', () => {
    const regions = Array.from({ length: 400 }, (_, index) =>
      region({ offset: index * 8192, base_host_virt_addr: 0x10000 + index * 8192 }),
    );
    const bytes = new TextEncoder().encode(JSON.stringify(regions));
    expect(bytes.length).toBeGreaterThan(32_768);
    expect(new HandshakeReader().push(bytes)).toHaveLength(400);
  });

  it('refuses what cannot become a handshake, at once', () => {
    const push = (text: string): unknown =>
      new HandshakeReader().push(new TextEncoder().encode(text));
    expect(() => push('GET /')).toThrow(/handshake byte 0.*expected a JSON array/);
    expect(() => push('[] x')).toThrow(/handshake byte 3.*after the end/);
    expect(push('[{')).toBeUndefined();
    expect(() => push(`[${' '.repeat(HANDSHAKE_LIMIT)}`)).toThrow(/without an end/);
  });

  it('answers any bytes with regions, with patience or with a PagerError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          new HandshakeReader().push(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(PagerError);
        }
      }),
    );
  });
});
