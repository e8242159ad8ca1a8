// SPDX-License-Identifier: Apache-2.0
// Options of `-XX:StartFlightRecording` one by one, from the variable to the file, as the JDK reads it.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { counts, JDKS, jfr, type PrintedEvent, printed } from './testing/jdk.ts';

const PROGRAM = fileURLToPath(new URL('./testing/programs/options.mjs', import.meta.url));
const REGISTER = new URL('../dist/register.js', import.meta.url).href;
const MEGA = 1 << 20;

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'startup-options-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function run(name: string, options: string, args: readonly (string | number)[]) {
  const file = join(directory, `${name}.jfr`);
  const result = spawnSync(process.execPath, ['--import', REGISTER, PROGRAM, ...args.map(String)], {
    env: {
      ...process.env,
      REKINDLE_START_FLIGHT_RECORDING: `filename=${file},${options}`,
      REKINDLE_FLIGHT_RECORDER_OPTIONS: 'maxchunksize=1m',
    },
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { file, ...result };
}

const [newest] = JDKS.slice(-1);

describe.skipIf(newest === undefined)('an option of a recording', () => {
  const of = (file: string, name: string): PrintedEvent['values'][] =>
    printed(newest!, file, '--events', name).map(({ values }) => values);
  const millis = (file: string): number[] => of(file, 'test.Tick').map((tick) => tick.millis);

  it('delay: nothing is recorded before', () => {
    const { file, status } = run('delay', 'delay=1s,settings=none', ['ticks', 1800, 1]);
    expect(status).toBe(0);
    const found = millis(file);
    // the program starts a moment after the recording's clock
    expect(Math.min(...found)).toBeGreaterThan(500);
    expect(Math.max(...found)).toBeGreaterThan(1700);
  });

  it('delay: a program that ends before has no file', () => {
    const { file, status, stderr } = run('late', 'delay=1m', ['ticks', 100, 1]);
    expect([status, stderr]).toEqual([0, '']);
    expect(existsSync(file)).toBe(false);
  });

  it('maxsize: the newest data are kept', () => {
    // about 8 MB in chunks of one
    const size = run('size', 'maxsize=3m,flush-interval=50ms,settings=none', [
      'ticks',
      2000,
      20_000,
    ]);
    const { size: bytes } = statSync(size.file);
    expect(bytes).toBeGreaterThan(MEGA);
    // counted in whole chunks, the last one on top
    expect(bytes).toBeLessThan(5.5 * MEGA);
    const found = millis(size.file);
    expect(Math.min(...found)).toBeGreaterThan(200);
    expect(Math.max(...found)).toBeGreaterThan(1900);
  });

  it('maxsize: one chunk stays, however large', () => {
    const { file } = run('chunk', 'maxsize=100k,settings=none', ['ticks', 300, 20_000]);
    expect(millis(file).length).toBeGreaterThan(20);
  });

  it('maxage: what is older goes, chunk by chunk', () => {
    const { file } = run('age', 'maxage=1s,flush-interval=50ms,settings=none', [
      'ticks',
      3000,
      20_000,
    ]);
    const found = millis(file);
    expect(Math.min(...found)).toBeGreaterThan(500);
    expect(Math.max(...found)).toBeGreaterThan(2900);
  });

  it('asyncContext: an event tells the context it belongs to, its own and those of Node.js', () => {
    const asked = run(
      'contexts',
      'settings=none,+test.Tick#asyncContext=true,' +
        '+jdk.FileRead#enabled=true,+jdk.FileRead#threshold=0ns,+jdk.FileRead#asyncContext=true',
      ['contexts'],
    );
    const contexts = JSON.parse(asked.stdout) as number[];
    expect(new Set(contexts).size).toBe(2);
    const own = of(asked.file, 'test.Tick').map((tick) => tick.asyncId);
    expect(own).toEqual(contexts);
    // the caller's context, though the event is committed when the file is read
    const reads = of(asked.file, 'jdk.FileRead').filter(({ path }) => path.endsWith('options.mjs'));
    expect(reads.map(({ asyncId }) => asyncId)).toEqual(expect.arrayContaining(contexts));
    // the JDK knows the setting: declared, and as it was in force
    for (const jdk of JDKS) {
      const [tick] = jfr(jdk, 'metadata', asked.file).match(/@Name\("test.Tick"\)[^}]*}/) ?? [];
      expect(tick).toContain('long asyncId');
      const told = printed(jdk, asked.file, '--events', 'ActiveSetting')
        .filter(({ values }) => values.name === 'asyncContext')
        .map(({ values }) => values.value as string);
      expect(new Set(told)).toEqual(new Set(['true', 'false']));
    }
    const unasked = run('no-contexts', 'settings=none', ['contexts']);
    expect(of(unasked.file, 'jdk.DumpReason')[0]).toMatchObject({
      reason: 'Exit',
      recordingId: 1,
    });
    expect(of(unasked.file, 'test.Tick').map((tick) => tick.asyncId)).toEqual([0, 0]);
  });

  it.each(JDKS)('an error nobody caught, modules, and why it was written: JDK $version', (jdk) => {
    const options = 'settings=profile,module-loading=true,node.ModuleLoad#threshold=0ns';
    const { file, status } = run('crash', options, ['crash']);
    expect(status).toBe(1);
    const found = counts(jdk, file);
    expect(found.get('jdk.JavaErrorThrow')).toBe(1);
    expect(found.get('node.ModuleLoad')).toBeGreaterThan(0);
    expect(found.get('jdk.DumpReason')).toBe(1);
    expect(of(file, 'jdk.JavaErrorThrow')[0]).toMatchObject({ message: 'nobody caught this' });
    expect(of(file, 'node.ModuleLoad').map(({ module }) => module)).toContain('node:util');
    expect(of(file, 'jdk.DumpReason')[0]).toMatchObject({ reason: 'Crash', recordingId: -1 });
  });
});
