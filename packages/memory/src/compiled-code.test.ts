// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { CodeCacheParser, CodeListParser, PerfMapParser } from './compiled-code.ts';
import { parseText } from './lines.ts';
import { fixture } from './testing/fixture.ts';

describe.each(['17', '25'])('compiled code of JDK %s', (jdk) => {
  const heaps = parseText(new CodeCacheParser(), fixture(`code-cache-${jdk}.txt`));
  const list = parseText(new CodeListParser(), fixture(`code-list-${jdk}.txt`));
  const map = parseText(new PerfMapParser(), fixture(`perf-map-${jdk}.txt`));

  it('lies in the three segments of the code cache', () => {
    expect(heaps.unknown.count).toBe(0);
    expect(heaps.heaps.map(({ name }) => name)).toEqual([
      'non-profiled nmethods',
      'profiled nmethods',
      'non-nmethods',
    ]);
    for (const heap of heaps.heaps) {
      expect(heap.committedEnd).toBeLessThanOrEqual(heap.high);
      expect(heap.used).toBeLessThanOrEqual(heap.committedEnd - heap.low);
    }
    const { start, end, length } = list.methods;
    for (let i = 0; i < length; i++) {
      const inside = heaps.heaps.some(({ low, high }) => low <= start[i]! && end[i]! <= high);
      expect(inside).toBe(true);
    }
  });

  it('is the same by the code list and by the perf map', () => {
    // The list gives the whole blob, the map the code in it from its entry on.
    expect(list.unknown.count).toBe(0);
    expect(map.unknown.count).toBe(0);
    expect(list.methods.length).toBe(59);
    const ends = new Map([...map.methods.end].map((end, i) => [end, i]));
    let both = 0;
    for (let i = 0; i < list.methods.length; i++) {
      const other = ends.get(list.methods.end[i]!);
      if (other === undefined) continue;
      both++;
      expect(map.methods.start[other]).toBeGreaterThan(list.methods.start[i]!);
    }
    expect(both).toBeGreaterThan(50);
  });
});

describe('compiled code', () => {
  it('reads a perf map of another runtime', () => {
    const { methods } = parseText(new PerfMapParser(), '7f00 10 LazyCompile:~main a.js:1\n');
    expect([methods.start[0], methods.end[0], methods.methods[0]]).toEqual([
      0x7f00,
      0x7f10,
      'LazyCompile:~main a.js:1',
    ]);
  });

  it('reads a code cache without segments', () => {
    const { heaps } = parseText(
      new CodeCacheParser(),
      'CodeCache: size=49152Kb used=1228Kb max_used=1228Kb free=47923Kb\n bounds [0x1000, 0x2000, 0x3000]\n',
    );
    expect(heaps).toEqual([
      {
        name: 'CodeCache',
        bytes: 49152 * 1024,
        used: 1228 * 1024,
        low: 4096,
        committedEnd: 8192,
        high: 12288,
      },
    ]);
  });

  it('orders methods and counts unknown lines', () => {
    const { methods, unknown } = parseText(
      new CodeListParser(),
      '2 1 0 b() [0x20, 0x24 - 0x30]\nnot a method\n1 4 0 a() [0x10, 0x14 - 0x20]\n',
    );
    expect([...methods.start]).toEqual([0x10, 0x20]);
    expect([...methods.level]).toEqual([4, 1]);
    expect(unknown).toEqual({ count: 1, first: [{ line: 2, text: 'not a method' }] });
  });

  it('refuses code that ends before it starts', () => {
    expect(() => parseText(new CodeListParser(), '2 1 0 b() [0x20, 0x24 - 0x10]\n')).toThrow(
      expect.objectContaining({ code: 'bad-line', place: { line: 1 } }),
    );
  });
});
