// SPDX-License-Identifier: Apache-2.0
// One recording of a JDK, exported to every format and opened with what the format is for: DuckDB, `go tool
// pprof`; and the rules of those formats whose programs live in a browser. (The flame graph: flame.test.ts.)
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newestJdk } from '../packages/jfr/src/testing/jdk.ts';

const REKINDLE = fileURLToPath(new URL('../packages/cli/bin/rekindle.cjs', import.meta.url));
const BUSY = fileURLToPath(new URL('producers/Busy.java', import.meta.url));
const jdk = newestJdk(17);
if (jdk === undefined) console.warn('exports: skipped, no JDK');

const folder = mkdtempSync(join(tmpdir(), 'rekindle-e2e-exports-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);
const rekindle = (...args: string[]): string =>
  execFileSync(process.execPath, [REKINDLE, 'jfr', ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
const exported = (format: string, name: string, ...more: string[]): string => {
  rekindle('export', at('busy.jfr'), '--format', format, '-o', at(name), ...more);
  return at(name);
};

interface Summary {
  readonly events: readonly { readonly name: string; readonly count: number }[];
}

describe.skipIf(jdk === undefined)('a recording of a busy JVM', () => {
  let counts: ReadonlyMap<string, number>;
  let samples = 0;

  beforeAll(() => {
    const start = `-XX:StartFlightRecording:filename=${at('busy.jfr')},settings=profile`;
    execFileSync(join(jdk?.home ?? '', 'bin/java'), [start, BUSY]);
    const { events } = JSON.parse(rekindle('summary', '--json', at('busy.jfr'))) as Summary;
    counts = new Map(events.map(({ name, count }) => [name, count]));
    samples = counts.get('jdk.ExecutionSample') ?? 0;
    expect(samples).toBeGreaterThan(50);
  });

  it('Parquet: DuckDB finds every event in its table', async () => {
    const tables = exported('parquet', 'tables');
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    for (const [name, count] of counts) {
      if (count === 0 || /jdk\.(Metadata|Checkpoint)/.test(name)) continue;
      const sql = `SELECT count(*)::INT, min(startTime) > '2020-01-01' FROM '${join(tables, name)}.parquet'`;
      const reader = await connection.runAndReadAll(sql);
      expect([name, ...reader.getRows()[0]!]).toEqual([name, count, true]);
    }
    const hot = await connection.runAndReadAll(
      `SELECT count(*)::INT FROM '${join(tables, 'jdk.ExecutionSample.parquet')}' WHERE stackTrace LIKE '%Busy.compute%'`,
    );
    expect(hot.getRows()[0]![0]).toBeGreaterThan(samples / 2);
  });

  it('pprof: Go counts the samples and names the hot method', (context) => {
    const file = exported('pprof', 'cpu.pb.gz');
    const go = spawnSync('go', ['tool', 'pprof', '-top', file], { encoding: 'utf8' });
    if (go.error !== undefined) return context.skip('no go on PATH: nobody judges pprof');
    expect(go.status, go.stderr).toBe(0);
    expect(go.stdout).toContain(`Total samples = ${samples}`);
    expect(go.stdout).toMatch(/Busy\.compute|java\.lang\.(StrictMath|Math|FdLibm)/);
    const raw = execFileSync('go', ['tool', 'pprof', '-raw', file], { encoding: 'utf8' });
    expect(raw).toMatch(/thread:\[worker \u00fc 0\]/);
  });

  it('collapsed stacks: a line a stack, the numbers add up', () => {
    const lines = readFileSync(exported('collapsed', 'cpu.txt'), 'utf8').trimEnd().split('\n');
    const parts = lines.map((line) => /^(\S.*) (\d+)$/.exec(line)!);
    expect(parts.reduce((sum, [, , count]) => sum + Number(count), 0)).toBe(samples);
    expect(new Set(parts.map(([, stack]) => stack)).size).toBe(lines.length);
  });

  it('Chrome trace: every event once, as its kind demands', () => {
    const { traceEvents } = JSON.parse(readFileSync(exported('trace', 'trace.json'), 'utf8')) as {
      traceEvents: {
        ph: string;
        name: string;
        pid: unknown;
        tid?: number;
        ts?: number;
        dur?: number;
      }[];
    };
    const threads = new Set(
      traceEvents.flatMap(({ ph, name, tid }) => (ph === 'M' && name === 'thread_name' ? tid : [])),
    );
    let events = 0;
    for (const { ph, name, pid, tid, ts, dur } of traceEvents) {
      expect(typeof pid).toBe('number');
      if (ph === 'M') continue;
      events++;
      expect(['X', 'i', 'C']).toContain(ph);
      expect(name).not.toBe('');
      expect(ts).toBeGreaterThanOrEqual(-1e9);
      expect(dur === undefined ? ph !== 'X' : dur >= 0).toBe(true);
      if (ph !== 'C') expect(threads).toContain(tid);
    }
    const all = [...counts].filter(([name]) => !/jdk\.(Metadata|Checkpoint)/.test(name));
    expect(events).toBe(all.reduce((sum, [, count]) => sum + count, 0));
  });

  it('Firefox Profiler: every index leads somewhere, every sample is there', () => {
    const { meta, threads } = JSON.parse(readFileSync(exported('firefox', 'firefox.json'), 'utf8'));
    expect(meta.preprocessedProfileVersion).toBeGreaterThan(40);
    const within = (column: (number | null)[], length: number): void => {
      for (const index of column)
        expect(index === null || (index >= 0 && index < length)).toBe(true);
    };
    let total = 0;
    for (const {
      samples: taken,
      stackTable,
      frameTable,
      funcTable,
      markers,
      stringArray,
    } of threads) {
      total += taken.length;
      within(taken.stack, stackTable.length);
      within(stackTable.frame, frameTable.length);
      within(stackTable.prefix, stackTable.length);
      within(frameTable.func, funcTable.length);
      within(frameTable.category, meta.categories.length);
      within(funcTable.name, stringArray.length);
      within(markers.name, stringArray.length);
      within(markers.category, meta.categories.length);
    }
    expect(total).toBe(samples);
  });

  it('diff with itself finds nothing; query counts as summary does', () => {
    expect(rekindle('diff', at('busy.jfr'), at('busy.jfr'))).toContain('the same events');
    const sql = 'SELECT count(*) AS n FROM ExecutionSample';
    expect(JSON.parse(rekindle('query', '--json', sql, at('busy.jfr')))).toEqual([
      { n: String(samples) },
    ]);
  });
});
