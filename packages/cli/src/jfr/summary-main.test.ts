// SPDX-License-Identifier: Apache-2.0
// `jfr summary FILE` has a way of its own through the program: the same outcome as the other.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { writeJobs } from '../testing/recordings.ts';
import { scratch } from '../testing/rekindle.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/rekindle.cjs', import.meta.url));
const { path: directory, remove } = scratch('summary');
afterAll(remove);
const JOBS = join(directory, 'jobs.jfr');
writeJobs(JOBS, { jobs: 50, slowEvery: 5 });

function node(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return { status, stdout, stderr };
}

describe('the summary that the build has compiled', () => {
  it('is taken by the Node.js that built it', () => {
    const load = `console.log(require(${JSON.stringify(PROGRAM)}).loadSummary().script.cachedDataRejected)`;
    expect(node('-e', load)).toEqual({ status: 0, stdout: 'false\n', stderr: '' });
  });

  it('prints the same where V8 refuses the code, and behind options', () => {
    const plain = node(PROGRAM, 'jfr', 'summary', JOBS);
    expect(plain).toMatchObject({ status: 0, stderr: '' });
    expect(plain.stdout).toContain(' Chunks: ');
    expect(node('--no-opt', PROGRAM, 'jfr', 'summary', JOBS)).toEqual(plain);
    expect(node(PROGRAM, 'jfr', 'summary', '--', JOBS)).toEqual(plain);
  });
});
