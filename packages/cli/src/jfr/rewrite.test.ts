// SPDX-License-Identifier: Apache-2.0
// Commands that make recordings of recordings. (What is in them: packages/jfr/src/write.)
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { STATE_OFFSET } from '@rekindle/jfr';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { newestJdk, runJfr } from '../../../jfr/src/testing/jdk.ts';
import { writeJobs } from '../testing/recordings.ts';
import { rekindle, scratch } from '../testing/rekindle.ts';

const { path: directory, remove } = scratch('rewrite');
afterAll(remove);
const at = (name: string): string => join(directory, name);
const JOBS = at('jobs.jfr');
writeJobs(JOBS, { jobs: 50, slowEvery: 5, slots: 2 });
const bytes = readFileSync(JOBS);
const jobsIn = (file: string): number => {
  const { stdout } = rekindle(['jfr', 'summary', '--json', file]);
  const { events } = JSON.parse(stdout) as { events: { name: string; count: number }[] };
  return events.find(({ name }) => name === 'app.Job')?.count ?? 0;
};

describe('rekindle jfr assemble', () => {
  const repository = at('repository');
  beforeEach(() => {
    rmSync(repository, { recursive: true, force: true });
    mkdirSync(repository);
    writeFileSync(join(repository, '1.jfr'), bytes);
  });

  it('joins the chunks of a repository', () => {
    writeFileSync(join(repository, '2.jfr'), bytes);
    const ran = rekindle(['jfr', 'assemble', repository, at('joined.jfr')]);
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.stdout).toMatch(/Assembling files\.\.\. \n\n .*1\.jfr\n .*2\.jfr\n\nFinished\.\n$/);
    expect(jobsIn(at('joined.jfr'))).toBe(100);
  });

  it('completes the chunk that a dead writer left, and the JDK reads it', (context) => {
    const torn = Uint8Array.from([...bytes, 100, 7]);
    torn[STATE_OFFSET] = 7;
    writeFileSync(join(repository, '2.jfr'), torn);
    const ran = rekindle(['jfr', 'assemble', repository, at('dead.jfr')]);
    expect(ran.stderr).toMatch(/^note: .*2\.jfr was not finished: it has \d+ events\n$/);
    expect(jobsIn(at('dead.jfr'))).toBe(100);
    const jdk = newestJdk(17);
    if (jdk === undefined) return context.skip('no JDK to read it');
    expect(runJfr(jdk, 'summary', at('dead.jfr')).stdout).toMatch(/app\.Job +100 /);
  });

  it('says where there is nothing to save', () => {
    writeFileSync(join(repository, '2.jfr'), 'FLR? no');
    const ran = rekindle(['jfr', 'assemble', repository, at('none.jfr')]);
    expect(ran.status).toBe(1);
    expect(ran.stderr).toMatch(/2\.jfr: not one readable chunk/);
  });
});

describe.each([
  ['a packed file', `${JOBS}.gz`],
  ['standard input', '-'],
])('from %s', (_, input) => {
  writeFileSync(`${JOBS}.gz`, gzipSync(bytes));
  const run = (...args: string[]): ReturnType<typeof rekindle> =>
    rekindle(['jfr', ...args], input === '-' ? bytes : undefined);

  it('scrub, repair and disassemble make recordings', () => {
    const scrubbed = run('scrub', '--force', '--exclude-events', 'Slot', input, at('scrubbed.jfr'));
    expect(scrubbed.stdout).toMatch(/Removed events:\napp\.Slot 2\/2\n/);
    expect(run('repair', '--force', input, at('repaired.jfr'))).toMatchObject({ status: 0 });
    expect([jobsIn(at('scrubbed.jfr')), jobsIn(at('repaired.jfr'))]).toEqual([50, 50]);
    const pieces = run('disassemble', '--force', '--max-chunks', '1', '--output', directory, input);
    const names = pieces.stdout.trimEnd().split('\n');
    expect(names).toHaveLength(1);
    expect(names[0]).toMatch(input === '-' ? /recording_?\d*\.jfr$/ : /jobs_?\d*\.jfr$/);
    expect(readFileSync(names[0]!).equals(bytes)).toBe(true);
  });
});
