// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeWorkingSet, recommendPolicy, spawnPager } from './index.ts';
import { drawMemory, type Scene, startVmm } from './testing/guest.ts';
import { referencedBytes } from './waste-meter.ts';

const PAGES = 256;

let made: Scene;

/** dd can ask the kernel to forget a file's pages; a file system in memory cannot forget. */
function forget(path: string): void {
  execFileSync('dd', [`of=${path}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0'], {
    stdio: 'ignore',
  });
}

beforeEach(async () => {
  made = await drawMemory('x'.repeat(PAGES), 'recommend');
  writeFileSync(
    made.path('ws'),
    encodeWorkingSet({
      pageSize: 4096,
      memoryBytes: PAGES * 4096,
      snapshotHash: '',
      runs: [{ page: 100, pages: 40 }],
      zeroRuns: [],
      hotRuns: 1,
      statistics: { recordings: 1, threshold: 1, union: 40, chosen: 40, gap: 0 },
    }),
  );
});
afterEach(() => made.remove());

describe('recommendPolicy', () => {
  it('maps the file when it is cached, unless faults are to be recorded', () => {
    expect(recommendPolicy(made.memoryPath, undefined)).toEqual({
      policy: 'file',
      reason: '100 % of the memory file is in the page cache',
      cached: 1,
    });
    const recorded = recommendPolicy(made.memoryPath, made.path('ws'), true);
    expect(recorded).toMatchObject({ policy: 'prefetch', cached: 1 });
    expect(recommendPolicy(made.memoryPath, made.path('none'), true).policy).toBe('on-demand');
  });

  it('prefetches when the working set is on disk', (context) => {
    forget(made.memoryPath);
    const { cached, policy, reason } = recommendPolicy(made.memoryPath, made.path('ws'));
    if (cached > 0.9) return context.skip('this file system keeps its pages in memory');
    expect(policy).toBe('prefetch');
    expect(reason).toMatch(/only \d+ % of it/);
  });

  it('leaves a small memory to the kernel where there is no working set, cached or not', async () => {
    const hollow = await drawMemory(`${'x'.repeat(8)}${'.'.repeat(248)}`, 'recommend');
    const { memoryPath } = hollow;
    // Holes are in no cache and need none.
    expect(recommendPolicy(memoryPath, undefined)).toMatchObject({ policy: 'file', cached: 1 });
    forget(memoryPath);
    expect(recommendPolicy(memoryPath, undefined).policy).toBe('file');
    expect(recommendPolicy(memoryPath, undefined, true).policy).toBe('on-demand');
    hollow.remove();
  });
});

describe('waste', () => {
  it('is counted by the marks in the page table', async () => {
    const pager = spawnPager({ ...made, workingSetPath: made.path('ws'), measureWaste: true });
    await pager.ready;
    const vmm = await startVmm([
      ...[made.socketPath, made.memoryPath, 'wait', 'read', '100', '110', 'read', '0', '5'],
      ...['say', 'touched', 'wait'],
    ]);
    await pager.resumable;
    vmm.go();
    await vmm.said('touched');
    await new Promise((resolve) => setTimeout(resolve, 1200));
    vmm.go();
    await vmm.ended;
    const { wasted, prefetched, faults } = await pager.done;
    expect({ prefetched, faults }).toEqual({ prefetched: 40, faults: 5 });
    expect(wasted).toBe(30);
  });

  it('is not known when nobody asked', async () => {
    const pager = spawnPager({ ...made, workingSetPath: made.path('ws') });
    await pager.ready;
    await (await startVmm([made.socketPath, made.memoryPath, 'read', '0', '1'])).ended;
    expect((await pager.done).wasted).toBe(-1);
  });

  it('counts only the regions of the guest', () => {
    const smaps = [
      '7f0000000000-7f0000002000 rw-p 00000000 00:00 0 ',
      'Size:                  8 kB',
      'Referenced:            4 kB',
      '7f0000010000-7f0000012000 rw-p 00000000 00:00 0 ',
      'Referenced:            8 kB',
      '55d000000000-55d000002000 r-xp 00000000 08:01 42 /usr/bin/vmm',
      'Referenced:            8 kB',
    ].join('\n');
    const regions = [
      { hostVirtual: 0x7f0000000000, size: 0x2000 },
      { hostVirtual: 0x7f0000010000, size: 0x2000 },
    ];
    expect(referencedBytes(smaps, regions)).toBe(12 * 1024);
    expect(referencedBytes(smaps, regions.slice(1))).toBe(8 * 1024);
    expect(referencedBytes('', regions)).toBe(0);
  });
});
