// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { writeJobs } from '../testing/recordings.ts';
import { rekindle, scratch } from '../testing/rekindle.ts';

const { path: directory, remove } = scratch('diff');
afterAll(remove);
const A = join(directory, 'a.jfr');
const B = join(directory, 'b.jfr');
writeJobs(A, { jobs: 100, slowEvery: 10, slots: 3 });
writeJobs(B, { jobs: 60, slowEvery: 2, slots: 3, durationNanos: 2_000_000 });

describe('rekindle jfr diff', () => {
  it('has counts, durations and shares of both', () => {
    const ran = rekindle(['jfr', 'diff', '--json', A, B]);
    expect(ran.stderr).toBe('');
    const { events, durations, methods, stacksOf } = JSON.parse(ran.stdout);
    expect(events[0]).toMatchObject({ name: 'app.Job', count: [100, 60] });
    expect(events.find(({ name }: { name: string }) => name === 'app.Slot').count).toEqual([3, 3]);
    expect(durations).toEqual([
      {
        name: 'app.Job',
        count: [100, 60],
        total: [100e6, 120e6],
        mean: [1e6, 2e6],
        p99: [1e6, 2e6],
        max: [1e6, 2e6],
      },
    ]);
    expect(stacksOf).toBe('app.Job');
    expect(methods).toEqual([
      { method: 'app.Work.fast', samples: [90, 30], share: [0.9, 0.5] },
      { method: 'app.Work.slow', samples: [10, 30], share: [0.1, 0.5] },
    ]);
  });

  it('shows what changed', () => {
    const { stdout } = rekindle(['jfr', 'diff', A, B]);
    expect(stdout).toMatch(/app\.Job +100 +60 +-40/);
    expect(stdout).not.toContain('app.Slot');
    expect(stdout).toMatch(/app\.Job +100 ms +120 ms +1\.00 ms +2\.00 ms/);
    expect(stdout).toMatch(/app\.Work\.slow +10 +30 +10\.0 % +50\.0 % +\+40 %/);
  });

  it('says where two are the same, and what is not there', () => {
    expect(rekindle(['jfr', 'diff', A, A]).stdout).toContain('the same events');
    const ran = rekindle(['jfr', 'diff', A, B, '--event', 'Slot']);
    expect(ran.stderr).toMatch(/app.Slot has no stack traces.*\n.*app.Job \(100\)/);
  });
});
