// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { HeapSizes, type ProfiledCollection, type Profiler } from './heap-sizes.ts';

function collection(used: number): ProfiledCollection {
  const sizes = { totalHeapSize: 100, usedHeapSize: used, heapSizeLimit: 1000 };
  return { beforeGC: { heapStatistics: sizes }, afterGC: { heapStatistics: sizes } };
}

describe('heap sizes', () => {
  const running: ProfiledCollection[][] = [];
  const make = (): Profiler => {
    const statistics: ProfiledCollection[] = [];
    return {
      start: () => running.push(statistics),
      stop: () => {
        running.splice(running.indexOf(statistics), 1);
        return { statistics };
      },
    };
  };
  const collect = (used: number): void => {
    for (const statistics of running) statistics.push(collection(used));
  };

  it('belong to the collections seen while the profiler was on, though these are told late', () => {
    const found: [string, number][] = [];
    const sizes = new HeapSizes<string>(
      (name, { afterGC }) => found.push([name, afterGC.heapStatistics.usedHeapSize]),
      make,
    );
    collect(1);
    sizes.begin(10);
    sizes.observe('before', 5, 11);
    collect(2);
    collect(3);
    sizes.observe('first', 12, 14);
    sizes.end(15);
    collect(4);
    sizes.observe('second', 13, 16);
    sizes.observe('after', 17, 18);
    expect(found).toEqual([
      ['first', 2],
      ['second', 3],
    ]);
  });

  it('are asked for once in each period', () => {
    let found = 0;
    const sizes = new HeapSizes<number>(() => found++, make);
    for (const period of [0, 1000]) {
      sizes.begin(period);
      for (let i = 1; i <= 100; i++) {
        collect(i);
        sizes.observe(i, period + i, period + i + 0.5);
      }
    }
    expect(found).toBe(2);
    expect(running).toHaveLength(0);
  });
});
