// SPDX-License-Identifier: Apache-2.0
// Many threads, small buffers, constant rotation. The full size is `npm run stress`; here it is small
// enough for every run.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  judgeByJdk,
  judgeOurselves,
  judgeTerminated,
  makeStressed,
  type StressSize,
} from './testing/every-event.ts';
import { counts, JDKS, jfr } from './testing/jdk.ts';

const ROUNDS = 20;
const SIZE: StressSize = { workers: 3, events: 20_000, rotateMillis: 10, flushMillis: 5 };

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'stress-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('a recording under stress', () => {
  it(`has every event exactly once, with its constants, ${ROUNDS} times`, async () => {
    const files: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const file = join(directory, `stress-${round}.jfr`);
      const { rotations } = makeStressed(file, directory, SIZE);
      expect(rotations).toBeGreaterThan(0);
      expect(await judgeOurselves(file, SIZE)).toBeGreaterThan(rotations / 2);
      files.push(file);
    }
    for (const jdk of JDKS) judgeByJdk(jdk, files, SIZE);
  }, 600_000);

  it('keeps what workers had committed that are terminated in the middle of things', async () => {
    const file = join(directory, 'terminated.jfr');
    const size = { workers: 12, events: 1_000_000, rotateMillis: 50, flushMillis: 20 };
    makeStressed(file, directory, size, 'terminate');
    const events = await judgeTerminated(file);
    expect(events).toBeGreaterThan(1000);
    for (const jdk of JDKS) {
      const found = counts(jdk, file);
      expect(found.get('test.Plain')! + found.get('test.Stress')!).toBe(events);
      jfr(jdk, 'print', '--events', 'test.Stress', file);
    }
  }, 120_000);

  it('leaves nothing in the repository', () => {
    expect(readdirSync(directory).filter((name) => !name.endsWith('.jfr'))).toEqual([]);
  });
});
