// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PageFault, Prefetch, VmPhase } from '@rekindle/events';
import { memorySink, recorded, writeRecording } from '@rekindle/jfr';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRestoreTrace } from './restore-trace.ts';
import { buildWorkingSet } from './working-set-build.ts';
import { fitOf, overlapOf, pageSetOf } from './working-set-compare.ts';

const MILLI = 1e6;
const PAGES = 64;
const layout = [{ guestPhysical: 0, bytes: PAGES * 4096, fileOffset: 0 }];
const options = { pageSize: 4096 };

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'rekindle-trace-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** A recording of faults given as [milliseconds, page]. */
function record(name: string, faults: [number, number][], answeredAt?: number, prefetched = 0) {
  const sink = memorySink();
  writeRecording(sink, {
    declarations: [PageFault, VmPhase, Prefetch],
    events: [
      ...faults.map(([time, page]) =>
        recorded(PageFault, {
          startTime: time * MILLI,
          duration: 5000,
          guestPhysical: page * 4096,
          hostVirtual: 0x7f0000000000 + page * 4096,
          write: false,
          action: 'copy',
          vcpuThread: 7,
          region: 0,
        }),
      ),
      ...(answeredAt === undefined
        ? []
        : [
            recorded(VmPhase, {
              startTime: 0,
              duration: answeredAt * MILLI,
              vm: 'test',
              phase: 'first-response',
              engine: 'qemu',
              accelerator: 'tcg',
            }),
          ]),
      ...(prefetched === 0
        ? []
        : [
            recorded(Prefetch, {
              startTime: 0,
              duration: 1,
              guestPhysical: 0,
              pages: prefetched,
              bytes: prefetched * 4096,
              action: 'copy',
              source: 'working-set',
            }),
          ]),
    ],
  });
  const path = join(directory, name);
  writeFileSync(path, sink.bytes());
  return path;
}

describe('readRestoreTrace', () => {
  it('orders pages by first fault and knows which came before the answer', async () => {
    const path = record(
      'a.jfr',
      [
        [3, 9],
        [1, 4],
        [2, 5],
        [2.5, 4],
        [20, 7],
        [21, 1000],
      ],
      10,
    );
    const trace = await readRestoreTrace(path, layout, options);
    expect(trace).toEqual({ path, pages: [4, 5, 9, 7], beforeAnswer: 3, prefetched: 0 });
    const answered = await readRestoreTrace(path, layout, { ...options, until: 'first-response' });
    expect(answered.pages).toEqual([4, 5, 9]);
    const timed = await readRestoreTrace(path, layout, { ...options, until: { millis: 1.5 } });
    expect(timed.pages).toEqual([4, 5]);
  });

  it('ends where the restore settled', async () => {
    const dense = Array.from({ length: 50 }, (_, i): [number, number] => [i * 5, i]);
    const path = record('b.jfr', [...dense, [1500, 60], [1600, 61]], undefined, 12);
    const trace = await readRestoreTrace(path, layout, { ...options, until: 'settled' });
    expect(trace.pages).not.toContain(60);
    expect(trace.pages.length).toBeGreaterThan(35);
    expect(trace.prefetched).toBe(12);
  });

  it('refuses what is no recording of a restore', async () => {
    const none = record('c.jfr', []);
    await expect(readRestoreTrace(none, layout, options)).rejects.toMatchObject({
      code: 'WORKING_SET_INVALID',
      place: none,
    });
    const garbage = join(directory, 'garbage');
    writeFileSync(garbage, 'not a recording');
    await expect(readRestoreTrace(garbage, layout, options)).rejects.toMatchObject({
      code: 'WORKING_SET_INVALID',
    });
    await expect(readRestoreTrace('/nowhere.jfr', layout, options)).rejects.toThrow(/ENOENT/);
  });
});

describe('fit and overlap', () => {
  const set = buildWorkingSet([[1, 2, 3, 10]], {
    ...options,
    memoryBytes: PAGES * 4096,
    snapshotHash: '',
    isZero: (page) => page === 10,
  });

  it('count what was foreseen, missed and wasted', () => {
    expect(fitOf(set, [1, 2, 20, 21, 22, 2])).toEqual({
      set: 4,
      touched: 5,
      both: 2,
      precision: 0.5,
      recall: 0.4,
      wasted: 2,
    });
    expect(fitOf(set, [])).toMatchObject({ precision: 0, recall: 1, wasted: 4 });
  });

  it('compare two sets', () => {
    expect(overlapOf(pageSetOf(set), new Set([10, 11]))).toEqual({
      both: 1,
      onlyFirst: 3,
      onlySecond: 1,
      jaccard: 0.2,
    });
  });
});
