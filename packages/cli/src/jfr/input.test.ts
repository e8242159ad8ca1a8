// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { STATE_OFFSET } from '@rekindle/jfr';
import { afterAll, describe, expect, it } from 'vitest';
import { writeJobs } from '../testing/recordings.ts';
import { rekindle, scratch } from '../testing/rekindle.ts';

const { path: directory, remove } = scratch('input');
afterAll(remove);
const JOBS = join(directory, 'jobs.jfr');
writeJobs(JOBS, { jobs: 50, slowEvery: 5, slots: 2 });
const bytes = readFileSync(JOBS);
const PACKED = { gzip: gzipSync(bytes), zstd: packed('zstd'), lz4: packed('lz4') };

/** By the command of that name. (What the packers may do: unpack/unpack.test.ts.) */
function packed(command: string): Uint8Array {
  return execFileSync(command, ['-c', '-q'], { input: bytes });
}

describe.each([['summary'], ['print'], ['print --json'], ['metadata'], ['view app.Job']])(
  'rekindle jfr %s',
  (command) => {
    const args = ['jfr', ...command.split(' ')];
    const plain = rekindle([...args, JOBS]);

    it('reads a packed file, standard input, and both', () => {
      expect(plain).toMatchObject({ status: 0, stderr: '' });
      expect(rekindle([...args, '-'], bytes)).toEqual(plain);
      for (const content of Object.values(PACKED)) {
        // the name tells nothing
        const file = join(directory, 'packed.jfr');
        writeFileSync(file, content);
        expect(rekindle([...args, file])).toEqual(plain);
        expect(rekindle([...args, '-'], content)).toEqual(plain);
      }
    });
  },
);

describe('an input', () => {
  it.each([
    ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a], /packed with xz.*\n.*xz -dc \| rekindle/],
    ['bzip2', [0x42, 0x5a, 0x68, 0x39], /packed with bzip2.*\n.*bzip2 -dc/],
    ['torn zstd', [0x28, 0xb5, 0x2f, 0xfd, 0], /ends in the middle.*\n.*zstd -t/],
    ['torn lz4', [0x04, 0x22, 0x4d, 0x18, 0x60], /ends in the middle.*\n.*lz4 -t/],
    ['torn zip', [0x50, 0x4b, 0x03, 0x04, 0x14], /does not unpack.*\n.*unzip -t/],
    ['nothing', [], /not a flight recording/],
    ['text', [0x68, 0x65, 0x6c, 0x6c, 0x6f], /not a flight recording/],
    ['torn gzip', [...gzipSync(bytes).subarray(0, 200)], /ends in the middle.*\n.*gzip -t/],
  ])('of %s is refused with what to do', (_, content, message) => {
    const ran = rekindle(['jfr', 'summary', '-'], Uint8Array.from(content));
    expect(ran.status).toBe(1);
    expect(ran.stderr).toMatch(message);
    expect(ran.stdout).toBe('');
  });

  it.each(['summary', 'summary --json', 'print', 'print --xml', 'view app.Job', 'metadata'])(
    'that is torn is read by %s as far as it goes, with a warning and an exit status of its own',
    (command) => {
      const args = ['jfr', ...command.split(' '), '-'];
      const ran = rekindle(args, bytes.subarray(0, bytes.length - 5));
      expect(ran.status).toBe(3);
      expect(ran.stderr).toMatch(/^warning: - is damaged/);
      expect(ran.stdout.length).toBeGreaterThan(100);
    },
  );

  it('that is still being written is not damaged, whatever comes behind its last flush', () => {
    const live = Uint8Array.from([...bytes, 100, 7, 7]);
    live[STATE_OFFSET] = 3;
    for (const command of ['summary', 'print --json']) {
      const args = ['jfr', ...command.split(' '), '-'];
      const ran = rekindle(args, live);
      expect(ran).toMatchObject({
        status: 0,
        stdout: rekindle(args, bytes).stdout,
        stderr: 'note: - is still being written, or its writer died\n',
      });
    }
    // unless what its header vouches for is not there
    expect(rekindle(['jfr', 'summary', '-'], live.subarray(0, -50)).status).toBe(3);
  });

  it('an event that cannot be printed is left out, which is damage too', () => {
    const broken = bytes.slice();
    // the encoding of the first job's queue
    broken[Buffer.from(bytes).indexOf('\u0003\u0004even')] = 99;
    const ran = rekindle(['jfr', 'print', '-'], broken);
    expect(ran.status).toBe(3);
    expect(ran.stderr).toMatch(/left out app.Job: string encoding 99/);
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
