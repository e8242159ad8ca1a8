// SPDX-License-Identifier: Apache-2.0
// Pages of 2 MiB: ZEROPAGE does not work there, one fault brings 512 times as much.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeWorkingSet, type LoopKind, spawnPager } from './index.ts';
import { buildNative, TEST_VMM } from './native-build.ts';
import { startVmm } from './testing/guest.ts';

const HUGE = 2 << 20;
const PAGES = 4;
/** A copy whose source is not mapped yet holds a second page for a moment, and two are made at once. */
const SPARE = 2;
const POOL = '/proc/sys/vm/nr_hugepages';

const pool = (): number => Number(readFileSync(POOL, 'utf8'));

let directory: string;
let memoryPath: string;
let before = 0;
let unavailable = '';

beforeAll(async () => {
  await buildNative(TEST_VMM);
  directory = mkdtempSync(join(tmpdir(), 'rekindle-huge-'));
  memoryPath = join(directory, 'memory');
  const file = await open(memoryPath, 'w');
  await file.truncate(PAGES * HUGE);
  await file.write(Buffer.alloc(HUGE, 1), 0, HUGE, 0);
  await file.write(Buffer.from('a little'), 0, 8, 2 * HUGE + 12345); // page 1 and 3 are holes
  await file.close();
  before = pool();
  try {
    writeFileSync(POOL, String(before + PAGES + SPARE));
  } catch (error) {
    unavailable = (error as Error).message;
  }
  if (unavailable === '' && pool() < before + PAGES + SPARE) unavailable = 'no free huge pages';
}, 60_000);

afterAll(() => {
  if (unavailable === '') writeFileSync(POOL, String(before));
  rmSync(directory, { recursive: true, force: true });
});

describe.each<LoopKind>(['native', 'typescript'])('huge pages (%s)', (loop) => {
  it('are served on demand, holes too, and come back as zeroes once removed', async (context) => {
    if (unavailable !== '') return context.skip(unavailable);
    const socketPath = join(directory, `${loop}.sock`);
    const pager = spawnPager({ socketPath, memoryPath, loop });
    await pager.ready;
    const vmm = await startVmm([
      ...['--page-size', String(HUGE), socketPath, memoryPath, 'check', '0', '4'],
      ...['remove', '0', '1', 'zeroes', '0', '2'],
    ]);
    expect(await vmm.ended).toMatchObject({ code: 0, stderr: '' });
    expect(await pager.done).toMatchObject({ faults: 5, copied: 2, zeroed: 3, removed: HUGE });
  });

  it('are prefetched', async (context) => {
    if (unavailable !== '') return context.skip(unavailable);
    const workingSetPath = join(directory, 'working-set');
    writeFileSync(
      workingSetPath,
      encodeWorkingSet({
        pageSize: HUGE,
        memoryBytes: PAGES * HUGE,
        snapshotHash: '',
        runs: [
          { page: 2, pages: 1 },
          { page: 0, pages: 1 },
        ],
        zeroRuns: [{ page: 3, pages: 1 }],
        hotRuns: 1,
        statistics: { recordings: 1, threshold: 1, union: 3, chosen: 3, gap: 0 },
      }),
    );
    const socketPath = join(directory, `${loop}-prefetch.sock`);
    const pager = spawnPager({ socketPath, memoryPath, workingSetPath, loop });
    await pager.ready;
    const vmm = await startVmm([
      ...['--page-size', String(HUGE), socketPath, memoryPath, 'wait', 'check', '0', '4'],
    ]);
    expect((await pager.resumable).pages).toBe(3);
    vmm.go();
    expect(await vmm.ended).toMatchObject({ code: 0, stderr: '' });
    expect(await pager.done).toMatchObject({ prefetched: 3, faults: 1 });
  });
});
