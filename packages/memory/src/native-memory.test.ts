// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { MemoryError } from './error.ts';
import { JvmLayout, NO_METHODS } from './jvm-layout.ts';
import { parseText } from './lines.ts';
import { NativeMemoryParser } from './native-memory.ts';
import { fixture } from './testing/fixture.ts';

const read = (text: string | Uint8Array) => parseText(new NativeMemoryParser(), text);

/** The JVM's own sums in the head of the same text. */
function sums(text: string): { reserved: number; committed: number } {
  const found = /mmap: +reserved=(\d+)KB, committed=(\d+)KB/.exec(text)!;
  return { reserved: Number(found[1]), committed: Number(found[2]) };
}

describe.each([
  ['17', 8624],
  ['25', 8781],
])('native memory tracking of JDK %s', (jdk, pid) => {
  const bytes = fixture(`native-memory-${jdk}.txt`);
  const { regions, unknown, ...rest } = read(bytes);

  it('adds up to what the JVM says itself', () => {
    let reserved = 0;
    let committed = 0;
    for (let i = 0; i < regions.length; i++) {
      if (regions.parent[i] !== -1) continue;
      reserved += (regions.end[i]! - regions.start[i]!) / 1024;
      committed += regions.committed[i]! / 1024;
    }
    expect({ reserved, committed }).toEqual(sums(new TextDecoder().decode(bytes)));
    expect(rest.pid).toBe(pid);
    expect(unknown.count).toBe(0);
  });

  it('knows what lies where', () => {
    expect(regions.areas).toEqual(
      expect.arrayContaining(['Java Heap', 'Class', 'Metaspace', 'Code', 'GC', 'Thread Stack']),
    );
    const layout = new JvmLayout(pid, 0, regions, NO_METHODS);
    const heap = regions.areas.indexOf('Java Heap');
    const start = regions.start[regions.area.indexOf(heap)]!;
    expect(layout.areaAt(start)).toBe('Java Heap');
    expect(layout.areaAt(start - 1)).not.toBe('Java Heap');
    expect(layout.areaAt(0)).toBeUndefined();
    // A committed range lies inside the reserved one, and is the one that is found.
    const committed = regions.parent.findIndex((parent) => parent >= 0);
    expect(regions.parent[layout.regionAt(regions.start[committed]!)]).toBeGreaterThanOrEqual(0);
  });
});

describe('native memory tracking', () => {
  it('says how to get the map when there is none', () => {
    expect(() => read('1:\n\nTotal: reserved=1KB, committed=1KB\n')).toThrow(
      expect.objectContaining({
        code: 'not-this-format',
        hint: expect.stringContaining('NativeMemoryTracking=detail'),
      }),
    );
  });

  it.each(['Native memory tracking is not enabled', 'Detail tracking is not enabled'])(
    'tells no areas, and reports why: %s',
    (reason) => {
      const { regions, unknown, pid } = read(`7:\n${reason}\n`);
      expect({ areas: regions.length, pid }).toEqual({ areas: 0, pid: 7 });
      expect(unknown).toEqual({ count: 1, first: [{ line: 2, text: reason }] });
    },
  );

  it.each([
    ['a committed range of nothing', '[0x1000 - 0x2000] committed 4KB from'],
    ['a range without category', '[0x1000 - 0x2000] reserved 4KB from'],
    ['a range that ends before it starts', '[0x2000 - 0x1000] reserved 4KB for GC from'],
    [
      'a committed range outside its own',
      '[0x1000 - 0x2000] reserved 4KB for GC from\n\t[0x2000 - 0x3000] committed 4KB from',
    ],
  ])('refuses %s', (_, line) => {
    expect(() => read(`Virtual memory map:\n${line}\n`)).toThrow(MemoryError);
  });

  it('counts lines it does not know', () => {
    const { unknown } = read('Virtual memory map:\n[0x1 - what\n');
    expect(unknown).toEqual({ count: 1, first: [{ line: 2, text: '[0x1 - what' }] });
  });
});

describe('ranges laid over each other', () => {
  const layout = (ranges: [number, number][]) =>
    new JvmLayout(
      1,
      0,
      {
        length: ranges.length,
        start: Float64Array.from(ranges, ([start]) => start),
        end: Float64Array.from(ranges, ([, end]) => end),
        area: new Uint32Array(ranges.length),
        areas: ['x'],
        committed: new Float64Array(ranges.length),
        parent: new Int32Array(ranges.length).fill(-1),
      },
      NO_METHODS,
    );

  it('give way to the smallest', () => {
    const nested = layout([
      [0, 100],
      [10, 50],
      [20, 30],
      [20, 30],
    ]);
    const found = [0, 9, 10, 19, 20, 29, 30, 49, 50, 99, 100].map((at) => nested.regionAt(at));
    expect(found).toEqual([0, 0, 1, 1, 3, 3, 1, 1, 0, 0, -1]);
  });

  it('stay cheap when thousands overlap', () => {
    const start = performance.now();
    const many = layout(Array.from({ length: 20_000 }, (_, i) => [i, 2 ** 40 - i]));
    expect(many.regionAt(5)).toBe(5);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});
