// SPDX-License-Identifier: Apache-2.0

import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { JOBS_START, writeJobs } from '../testing/recordings.ts';
import { rekindle, scratch } from '../testing/rekindle.ts';

const { path: directory, remove } = scratch('query');
afterAll(remove);
const JOBS = join(directory, 'jobs.jfr');
writeJobs(JOBS, { jobs: 90, slowEvery: 3, slots: 0 });

function installed(): boolean {
  try {
    createRequire(import.meta.url).resolve('@duckdb/node-api');
    return true;
  } catch {
    console.warn('DuckDB is not installed: rekindle jfr query is not tested');
    return false;
  }
}

const rowsOf = (sql: string): unknown => {
  const ran = rekindle(['jfr', 'query', '--json', sql, JOBS]);
  expect(ran.stderr).toBe('');
  return JSON.parse(ran.stdout);
};

describe.runIf(installed())('rekindle jfr query', () => {
  it.each(['"app.Job"', 'app.Job', 'Job', 'job', 'main."app.Job"'])('has table %s', (table) => {
    expect(rowsOf(`SELECT count(*)::INT AS n, sum(duration)::INT AS d FROM ${table}`)).toEqual([
      { n: 90, d: 90_000_000 },
    ]);
  });

  it('has every value as it was recorded', () => {
    const sql = 'SELECT * FROM Job ORDER BY startTime LIMIT 2';
    expect(rowsOf(sql)).toMatchObject([
      { duration: '1000000', eventThread: 'worker', queue: 'even', pages: '0', urgent: true },
      { 'eventThread.osThreadId': '7', queue: 'odd', pages: '18446744073709551615', urgent: false },
    ]);
    expect(rowsOf('SELECT epoch_ns(min(startTime))::VARCHAR AS t FROM Job')).toEqual([
      { t: String(JOBS_START) },
    ]);
  });

  it('groups, joins and prints a table', () => {
    const sql =
      'SELECT "stackTrace.topMethod" AS method, count(*) AS n FROM Job GROUP BY method ORDER BY n';
    expect(rekindle(['jfr', 'query', sql, JOBS]).stdout).toBe(
      'method               n\n------------------  --\napp.Work.slow(int)  30\napp.Work.fast(int)  60\n',
    );
    expect(
      rowsOf(
        'WITH x AS (SELECT * FROM Job) SELECT count(*)::INT AS n FROM x JOIN Job USING (pages)',
      ),
    ).toEqual([{ n: 90 }]);
  });

  it('has an empty table for a type without events', () => {
    expect(rowsOf('SELECT count(number)::INT AS n FROM "app.Slot"')).toEqual([{ n: 0 }]);
  });

  it.each([
    ['SELECT * FROM Nix', /Nix does not exist.*\n/],
    ['SELEC 1', /syntax error/],
    ['SELECT nix FROM Job', /nix/],
  ])('%j fails with what to do, and leaves nothing behind', (sql, message) => {
    const temporary = mkdtempSync(join(directory, 'tmp-'));
    const ran = rekindle(['jfr', 'query', sql, JOBS], undefined, { TMPDIR: temporary });
    expect(ran.status).toBe(1);
    expect(ran.stderr).toMatch(message);
    expect(ran.stderr).toContain('rekindle jfr summary FILE');
    expect(readdirSync(temporary)).toEqual([]);
  });
});

describe('without DuckDB', () => {
  it('tells how to get it', () => {
    const hooks = join(directory, 'hooks.mjs');
    writeFileSync(
      hooks,
      `export async function resolve(name, context, next) {
        if (name.startsWith('@duckdb/')) throw new Error('Cannot find package ' + name);
        return next(name, context);
      }`,
    );
    const register = join(directory, 'register.mjs');
    writeFileSync(
      register,
      `import { register } from 'node:module'; register(${JSON.stringify(pathToFileURL(hooks))});`,
    );
    const ran = rekindle(['jfr', 'query', 'SELECT 1', JOBS], undefined, {
      NODE_OPTIONS: `--import ${pathToFileURL(register)}`,
    });
    expect(ran.status).toBe(1);
    expect(ran.stderr).toMatch(/DuckDB.*cannot be loaded.*\n.*npm install @duckdb\/node-api@/);
  });
});
