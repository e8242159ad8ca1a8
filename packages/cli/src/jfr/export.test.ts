// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { openRecording } from '@rekindle/jfr';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { afterAll, describe, expect, it } from 'vitest';
import { writeJobs } from '../testing/recordings.ts';
import { rekindle, scratch } from '../testing/rekindle.ts';

const { path: directory, remove } = scratch('export');
afterAll(remove);
const at = (name: string): string => join(directory, name);
const stacks = ['--event', 'Job', '--by', 'queue,urgent'];
const JOBS = at('jobs.jfr');
writeJobs(JOBS, { jobs: 900, slowEvery: 3, slots: 5 });
const BARE = at('bare.jfr');
writeJobs(BARE, { jobs: 0, slowEvery: 1, slots: 5 });
const recording = openRecording(readFileSync(JOBS));

describe('rekindle jfr export', () => {
  it('parquet: another reader finds every event with its values', async () => {
    const ran = rekindle(['jfr', 'export', JOBS, '--format', 'parquet', '-o', at('tables')]);
    expect(ran.stderr).toBe('');
    const { events } = await (await recording).summary();
    // metadata and checkpoints are no events
    const counts = new Map(
      events
        .filter(({ name, count }) => count > 0 && !/jdk\.(Metadata|Checkpoint)/.test(name))
        .map(({ name, count }) => [`${name}.parquet`, BigInt(count)]),
    );
    const found = new Map<string, bigint>();
    for (const name of readdirSync(at('tables'))) {
      const file = await asyncBufferFromFile(join(at('tables'), name));
      found.set(name, (await parquetMetadataAsync(file)).num_rows);
    }
    expect(found).toEqual(counts);

    const file = await asyncBufferFromFile(join(at('tables'), 'app.Job.parquet'));
    const rows = await parquetReadObjects({ file });
    const jobs = await (await recording).columns('app.Job');
    expect(rows).toHaveLength(jobs.length);
    for (const row of [0, 1, rows.length - 1]) {
      expect(BigInt(rows[row]!.pages)).toBe(jobs.bigints('pages')[row]);
      expect(Number(rows[row]!.duration)).toBe(jobs.numbers('duration')[row]);
      expect(rows[row]!.queue).toBe(jobs.text('queue', row));
      expect(rows[row]!['stackTrace.topMethod']).toBe(
        row % 3 === 0 ? 'app.Work.slow(int)' : 'app.Work.fast(int)',
      );
    }
  });

  it('parquet: one type into one file, and no other', () => {
    const one = at('jobs.parquet');
    const args = ['jfr', 'export', JOBS, '--format', 'parquet', '-o', one];
    expect(rekindle(args).stderr).toMatch(/one file for \d+ event types.*\n.*--events/);
    expect(rekindle([...args, '--events', 'Job']).stdout).toBe(`${one}: 900 rows\n`);
    expect(rekindle([...args, '--events', 'Job']).stderr).toMatch(/exists already/);
  });

  it('pprof, gzipped; collapsed; Firefox; Chrome trace', () => {
    for (const format of ['pprof', 'collapsed', 'firefox', 'trace']) {
      const args = ['jfr', 'export', JOBS, '--format', format, '-o', at(format), ...stacks];
      expect(rekindle(args)).toMatchObject({ status: 0, stderr: '' });
    }
    expect(gunzipSync(readFileSync(at('pprof'))).includes('app.Job')).toBe(true);
    const lines = readFileSync(at('collapsed'), 'utf8').trimEnd().split('\n');
    const total = lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    expect(total).toBe(900);
    const firefox = JSON.parse(readFileSync(at('firefox'), 'utf8'));
    const samples = firefox.threads.map(
      (thread: { samples: { length: number } }) => thread.samples,
    );
    expect(samples.reduce((sum: number, { length }: { length: number }) => sum + length, 0)).toBe(
      900,
    );
    const { traceEvents } = JSON.parse(readFileSync(at('trace'), 'utf8'));
    const jobs = traceEvents.filter(({ name }: { name: string }) => name === 'Job');
    expect(jobs).toHaveLength(900);
  });

  it('says what to do where there is no stack, and leaves nothing behind', () => {
    const ran = rekindle(['jfr', 'export', BARE, '--format', 'pprof', '-o', at('none')]);
    expect(ran.status).toBe(1);
    expect(ran.stderr).toMatch(/no event has a stack trace.*\n.*--by/);
    expect(readdirSync(directory).filter((name) => name.startsWith('none'))).toEqual([]);
    expect(rekindle(['jfr', 'export', JOBS, '--format', 'xls', '-o', at('x')]).status).toBe(2);
  });
});

describe('rekindle jfr flame', () => {
  it('writes a page that stands alone', () => {
    const file = at('flame.html');
    // the only event with a stack trace is taken
    const ran = rekindle(['jfr', 'flame', JOBS, '-o', file, '--weight', 'duration']);
    expect(ran.stdout).toBe(`${file}: 900 app.Job events in 2 distinct stacks\n`);
    const html = readFileSync(file, 'utf8');
    expect(html).not.toMatch(/src=|href=|https?:/);
    const data = JSON.parse(/id="data">(.*?)<\/script>/s.exec(html)![1]!);
    expect(data).toMatchObject({
      unit: 'nanoseconds',
      level: [0, 1, 2, 2],
      total: [900e6, 900e6, 600e6, 300e6],
    });
    expect(data.name.map((name: number) => data.names[name])).toEqual([
      'app.Job',
      'app.Work.run',
      'app.Work.fast',
      'app.Work.slow',
    ]);
  });

  it('names the event types it could take', () => {
    const ran = rekindle(['jfr', 'flame', JOBS, '-o', at('x.html'), '--event', 'Nix']);
    expect(ran.stderr).toMatch(/no event type Nix.*\n.*jfr summary/);
    expect(existsSync(at('x.html'))).toBe(false);
  });
});
