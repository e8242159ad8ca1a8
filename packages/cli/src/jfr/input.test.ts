// SPDX-License-Identifier: Apache-2.0
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { writeJobs } from '../testing/recordings.ts';
import { rekindle, scratch } from '../testing/rekindle.ts';

const { path: directory, remove } = scratch('input');
afterAll(remove);
const JOBS = join(directory, 'jobs.jfr');
writeJobs(JOBS, { jobs: 50, slowEvery: 5, slots: 2 });
const bytes = readFileSync(JOBS);
const PACKED = join(directory, 'jobs.jfr.gz');
writeFileSync(PACKED, gzipSync(bytes));

describe.each([['summary'], ['print'], ['print --json'], ['metadata'], ['view app.Job']])(
  'rekindle jfr %s',
  (command) => {
    const args = ['jfr', ...command.split(' ')];
    const plain = rekindle([...args, JOBS]);

    it('reads a gzipped file, standard input, and both', () => {
      expect(plain).toMatchObject({ status: 0, stderr: '' });
      expect(rekindle([...args, PACKED])).toEqual(plain);
      expect(rekindle([...args, '-'], bytes)).toEqual(plain);
      expect(rekindle([...args, '-'], gzipSync(bytes))).toEqual(plain);
    });
  },
);

describe('an input', () => {
  it.each([
    ['zstd', [0x28, 0xb5, 0x2f, 0xfd, 0], /packed with zstd.*\n.*zstd -dc \| rekindle/],
    ['lz4', [0x04, 0x22, 0x4d, 0x18, 0], /packed with lz4.*\n.*lz4 -dc/],
    ['nothing', [], /not a flight recording/],
    ['text', [0x68, 0x65, 0x6c, 0x6c, 0x6f], /not a flight recording/],
    ['torn gzip', [...gzipSync(bytes).subarray(0, 200)], /unexpected end of file.*\n.*gzip -t/],
  ])('of %s is refused with what to do', (_, content, message) => {
    const ran = rekindle(['jfr', 'summary', '-'], Uint8Array.from(content));
    expect(ran.status).toBe(1);
    expect(ran.stderr).toMatch(message);
    expect(ran.stdout).toBe('');
  });

  it('that is torn is read as far as it goes, with a warning', () => {
    const ran = rekindle(['jfr', 'print', '-'], bytes.subarray(0, bytes.length - 5));
    expect(ran.status).toBe(0);
    expect(ran.stderr).toMatch(/is damaged/);
  });
});

describe('rekindle jfr print --follow', () => {
  it('ends with a finished recording, having printed all of it', () => {
    const events = (text: string): string[] => text.trimEnd().split('\n\n').sort();
    const all = rekindle(['jfr', 'print', JOBS]);
    const followed = rekindle(['jfr', 'print', '--follow', JOBS]);
    expect(followed.status).toBe(0);
    expect(events(followed.stdout)).toEqual(events(all.stdout));
    expect(rekindle(['jfr', 'print', '--follow', '--json', JOBS]).status).toBe(2);
  });
});
