// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { drawnRun, recordingOf, syntheticRun } from '@rekindle/analysis/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { reportCommand } from './report.ts';

let folder: string;
const path = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rekindle-report-'));
  writeFileSync(path('drawn.jfr'), await recordingOf(drawnRun()));
  const prefetched = syntheticRun('prefetched', { prefetch: 0.9 });
  writeFileSync(path('prefetched.jfr'), await recordingOf(prefetched));
  writeFileSync(path('bare.jfr'), await recordingOf({ ...drawnRun(), memory: undefined }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

async function report(...args: string[]): Promise<string> {
  let out = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  await reportCommand().exitOverride().parseAsync(args, { from: 'user' });
  return out;
}

describe('rekindle report', () => {
  it('prints figures and owners of a run', async () => {
    const out = await report(path('drawn.jfr'));
    expect(out).toMatch(/^Faults +6$/m);
    expect(out).toMatch(/^Served \(p50\) +10\.0 µs$/m);
    expect(out).toMatch(/^java heap +2 +2 +1 +0 +1 +8\.0 KiB +23\.0 µs$/m);
  });

  it('says where owners are not known', async () => {
    expect(await report(path('bare.jfr'))).toContain('bare.jfr holds no memory capture');
  });

  it('compares runs against the first', async () => {
    const out = await report('--compare', path('drawn.jfr'), path('prefetched.jfr'));
    expect(out).toContain('drawn.jfr and prefetched.jfr');
    expect(out).toMatch(/^all +6 +\d+/m);
  });

  it('is JSON for programs, with NaN as null', async () => {
    const answer = JSON.parse(
      await report('--json', '--compare', path('drawn.jfr'), path('drawn.jfr')),
    );
    expect(answer.runs[0]).toMatchObject({ name: 'drawn.jfr', faults: 6, stalled: 88_000 });
    expect(answer.comparisons[0]).toContainEqual(
      expect.objectContaining({ owner: 'code cache', ratio: null }),
    );
  });

  it('wants two runs to compare', async () => {
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    await expect(report('--compare', path('drawn.jfr'))).rejects.toThrow('two runs');
  });
});
