// SPDX-License-Identifier: Apache-2.0
// The working set installed before the guest asks for it, by either loop.
import { writeFileSync } from 'node:fs';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { encodeWorkingSet } from './index.ts';
import { buildNative, TEST_VMM } from './native-build.ts';
import { runVmm, startVmm } from './testing/guest.ts';
import { LOOPS, servingWith } from './testing/serving.ts';

const DRAWING = 'abc..0de....fghi';

beforeAll(() => buildNative(TEST_VMM), 60_000);

describe.each(LOOPS)('prefetching (%s)', (loop) => {
  const { scene, pagerFor, clear } = servingWith(loop);
  afterEach(clear);

  const workingSet = {
    pageSize: 4096,
    memoryBytes: 16 * 4096,
    snapshotHash: '',
    runs: [
      { page: 12, pages: 3 },
      { page: 0, pages: 2 },
    ],
    zeroRuns: [{ page: 3, pages: 2 }],
    hotRuns: 1,
    statistics: { recordings: 1, threshold: 1, union: 7, chosen: 7, gap: 0 },
  };

  for (const policy of ['prefetch', 'hybrid', 'concurrent'] as const) {
    it(`installs the working set (${policy}), then serves on demand`, async () => {
      const made = await scene(DRAWING);
      writeFileSync(made.path('ws'), encodeWorkingSet(workingSet));
      const pager = await pagerFor(made, { workingSetPath: made.path('ws'), policy });
      const vmm = await startVmm([
        ...[made.socketPath, made.memoryPath, 'wait', 'pause', '50'],
        ...['present', '12', '15', 'present', '0', '2', 'present', '3', '5'],
        ...['absent', '2', '3', 'absent', '5', '12', 'absent', '15', '16', 'check', '0', '16'],
      ]);
      const { pages } = await pager.resumable;
      if (policy === 'prefetch') expect(pages).toBe(7);
      vmm.go();
      expect(await vmm.ended).toMatchObject({ code: 0, stderr: '' });
      expect(await pager.done).toMatchObject({ prefetched: 7, faults: 9 });
    });
  }

  it('installs everything (all) across regions', async () => {
    const made = await scene(DRAWING);
    const pager = await pagerFor(made, { policy: 'all' });
    const vmm = await startVmm([
      ...['--region', '20480', '--region', '45056', made.socketPath, made.memoryPath, 'wait'],
      ...['present', '0', '3', 'present', '5', '8', 'present', '12', '16', 'check', '0', '16'],
    ]);
    expect((await pager.resumable).pages).toBe(10);
    vmm.go();
    expect(await vmm.ended).toMatchObject({ code: 0, stderr: '' });
    expect(await pager.done).toMatchObject({ prefetched: 10, faults: 6 });
  });

  it('skips what the guest touched or removed while it prefetches', async () => {
    const made = await scene('z'.repeat(4096));
    const pager = await pagerFor(made, { policy: 'all' });
    const vmm = await runVmm([
      ...[made.socketPath, made.memoryPath, 'write', '4000', '4096', 'remove', '3000', '3500'],
      ...[
        'pause',
        '100',
        'zeroes',
        '3000',
        '3500',
        'written',
        '4000',
        '4096',
        'check',
        '0',
        '3000',
      ],
    ]);
    expect(vmm).toMatchObject({ code: 0, stderr: '' });
    const summary = await pager.done;
    expect(summary.prefetched).toBeGreaterThan(3000);
  });

  it('refuses a working set of another snapshot', async () => {
    const made = await scene('abcd');
    writeFileSync(made.path('ws'), encodeWorkingSet(workingSet));
    const pager = await pagerFor(made, { workingSetPath: made.path('ws') });
    const vmm = await startVmm([made.socketPath, made.memoryPath, 'check', '0', '4']);
    await expect(pager.done).rejects.toMatchObject({ code: 'WORKING_SET_FOREIGN' });
    expect(await vmm.ended).toMatchObject({ signal: 'SIGKILL' });
  });
});
