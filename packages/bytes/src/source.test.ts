// SPDX-License-Identifier: Apache-2.0
import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openFileSource } from './node.ts';
import { type ByteSource, blobSource, bufferSource } from './source.ts';

const directory = mkdtempSync(join(tmpdir(), 'rekindle-bytes-'));
afterAll(() => rmSync(directory, { recursive: true }));

const content = Uint8Array.from({ length: 1000 }, (_, index) => index);
const path = join(directory, 'content');
writeFileSync(path, content);

const sources: readonly [string, () => ByteSource][] = [
  ['buffer', () => bufferSource(content)],
  ['array buffer', () => bufferSource(content.slice().buffer)],
  ['blob', () => blobSource(new Blob([content]))],
  ['file', () => openFileSource(path)],
];

describe.each(sources)('a source over a %s', (_name, open) => {
  it('gives the bytes asked for', async () => {
    const source = open();
    expect(source.byteLength).toBe(1000);
    expect(await source.slice(10, 20)).toEqual(content.subarray(10, 20));
    expect(await source.slice(1000, 1000)).toHaveLength(0);
  });

  it.each([
    [-1, 4],
    [4, 3],
    [990, 1001],
    [Number.NaN, 5],
  ])('refuses %d..%d', async (start, end) => {
    const source = open();
    await expect(async () => source.slice(start, end)).rejects.toMatchObject({
      code: 'BYTES_RANGE',
    });
  });
});

describe('a file that changes', () => {
  it('grows when asked to look again, and says when it shrank', () => {
    const growing = join(directory, 'growing');
    writeFileSync(growing, 'ab');
    const source = openFileSource(growing);
    appendFileSync(growing, 'cd');
    expect(source.byteLength).toBe(2);
    expect(source.refresh()).toBe(4);
    expect(Buffer.from(source.slice(1, 4)).toString()).toBe('bcd');
    truncateSync(growing, 1);
    expect(() => source.slice(0, 4)).toThrow(expect.objectContaining({ code: 'BYTES_TRUNCATED' }));
    source.close();
    source.close();
  });
});
