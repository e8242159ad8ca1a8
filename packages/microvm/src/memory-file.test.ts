// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dataExtents } from '@rekindle/linux';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dataRuns, PAGE_SIZE, q35Regions, writeMemoryFile } from './memory-file.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'memory-file-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Memory drawn as text: `.` a page of zeroes, `x` a page with one odd byte at its very end. */
function draw(pages: string): Buffer {
  const memory = Buffer.alloc(pages.length * PAGE_SIZE);
  [...pages].forEach((page, index) => {
    if (page === 'x') memory[(index + 1) * PAGE_SIZE - 1] = 1;
  });
  return memory;
}

/** What the kernel says is not a hole. */
function bytesInExtents(path: string, size: number): number {
  const fd = openSync(path, 'r');
  try {
    return dataExtents(fd, size).reduce((sum, { start, end }) => sum + end - start, 0);
  } finally {
    closeSync(fd);
  }
}

test.each([
  ['', []],
  ['....', []],
  ['xx..', [[0, 2]]],
  [
    '.x.xx',
    [
      [1, 2],
      [3, 5],
    ],
  ],
])('runs of %j', (pages, expected) => {
  expect(dataRuns(draw(pages))).toEqual(
    expected.map(([start, end]) => ({ start: start! * PAGE_SIZE, end: end! * PAGE_SIZE })),
  );
});

test('the copy equals its source, hashes as sha256sum does, and has holes where pages are zero', async () => {
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom('.', 'x'), { minLength: 1, maxLength: 40 }),
      // Beyond one block of 4 MiB, so that block borders are crossed.
      fc.integer({ min: 0, max: 1100 }),
      async (pages, gap) => {
        const source = join(directory, `ram-${run}`);
        const target = join(directory, `memory-${run++}`);
        const memory = draw(pages.join('') + '.'.repeat(gap) + pages.join(''));
        writeFileSync(source, memory);
        const written = await writeMemoryFile(source, target);
        expect(readFileSync(target).equals(memory)).toBe(true);
        const [digest] = execFileSync('sha256sum', [target], { encoding: 'utf8' }).split(' ');
        expect(written.sha256).toBe(digest);
        const used = 2 * pages.filter((page) => page === 'x').length * PAGE_SIZE;
        expect(written).toMatchObject({ bytes: memory.length, dataBytes: used });
        expect(bytesInExtents(target, memory.length)).toBe(used);
        rmSync(source);
        rmSync(target);
      },
    ),
    { numRuns: 25 },
  );
});

test('an existing file is never overwritten', async () => {
  const source = join(directory, 'a');
  const target = join(directory, 'b');
  writeFileSync(source, draw('x'));
  writeFileSync(target, 'precious');
  await expect(writeMemoryFile(source, target)).rejects.toMatchObject({ code: 'EEXIST' });
  expect(readFileSync(target, 'utf8')).toBe('precious');
});

test('q35 memory: one region below 2.75 GiB, two from there on', () => {
  const GIB = 1024 ** 3;
  expect(q35Regions(512 * 1024 ** 2)).toEqual([
    { guestPhysical: 0, bytes: GIB / 2, fileOffset: 0 },
  ]);
  expect(q35Regions(3 * GIB)).toEqual([
    { guestPhysical: 0, bytes: 2 * GIB, fileOffset: 0 },
    { guestPhysical: 4 * GIB, bytes: GIB, fileOffset: 2 * GIB },
  ]);
});
