// SPDX-License-Identifier: Apache-2.0
// A program that knows nothing of the recorder, started with `--import @rekindle/recorder/register`.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expandFilename, parseStartOptions } from './startup.ts';
import { counts, JDKS, jfr, type PrintedEvent, printed } from './testing/jdk.ts';

const PROGRAM = fileURLToPath(new URL('./testing/programs/busy.mjs', import.meta.url));
const BARE = `data:text/javascript,${encodeURIComponent('import "node:worker_threads"')}`;
const REGISTER = new URL('../dist/register.js', import.meta.url).href;

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'vm-events-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function run(options: string | undefined, ...args: readonly string[]): string {
  const environment: NodeJS.ProcessEnv = { ...process.env, API_TOKEN: 'abc', PLAIN: 'value' };
  if (options !== undefined) environment.REKINDLE_START_FLIGHT_RECORDING = options;
  const { stderr, status } = spawnSync(
    process.execPath,
    ['--import', REGISTER, PROGRAM, '1200', ...args],
    { env: environment, encoding: 'utf8', timeout: 60_000 },
  );
  expect(stderr).not.toMatch(/Error/);
  expect(status).toBe(0);
  return stderr;
}

describe('a program recorded from outside', () => {
  let file: string;
  beforeAll(() => {
    file = join(directory, 'busy.jfr');
    run(`filename=${file},settings=profile,jdk.ThreadCPULoad#period=200ms`, '--token=abc');
  }, 60_000);

  it.each(JDKS)('has the events of Node.js under names that JDK $version knows', (jdk) => {
    const found = counts(jdk, file);
    const least: Record<string, number> = {
      'jdk.ExecutionSample': 30,
      'jdk.ObjectAllocationSample': 30,
      'jdk.GarbageCollection': 5,
      'jdk.YoungGarbageCollection': 5,
      'jdk.GCPhasePause': 5,
      'jdk.GCHeapSummary': 10,
      'jdk.CPULoad': 1,
      'jdk.ThreadCPULoad': 1,
      'jdk.ResidentSetSize': 1,
      'jdk.PhysicalMemory': 1,
      'jdk.FileRead': 1,
      'jdk.FileWrite': 1,
      'jdk.JavaExceptionThrow': 1,
      'jdk.ThreadSleep': 1,
      'jdk.Shutdown': 1,
      'jdk.ThreadDump': 1,
      'jdk.JVMInformation': 1,
      'jdk.InitialSystemProperty': 10,
      'jdk.ActiveRecording': 1,
      'jdk.ActiveSetting': 80,
      'node.EventLoopDelay': 1,
      'node.EventLoopUtilization': 1,
      'node.Promises': 1,
      'node.HttpServerRequest': 1,
      'node.HttpClientRequest': 1,
      'node.DnsLookup': 1,
    };
    for (const [name, count] of Object.entries(least)) {
      expect(found.get(name) ?? 0, name).toBeGreaterThanOrEqual(count);
    }
    jfr(jdk, 'print', file);
  });

  const [newest] = JDKS.slice(-1);
  it.skipIf(newest === undefined)('tells where the time and the memory went', () => {
    const of = (name: string): PrintedEvent['values'][] =>
      printed(newest!, file, '--events', name, '--stack-depth', '64').map(({ values }) => values);
    const top = (values: PrintedEvent['values']): string => values.stackTrace.frames[0].method.name;
    const samples = of('jdk.ExecutionSample');
    expect(samples.filter((sample) => top(sample) === 'burn').length).toBeGreaterThan(
      samples.length / 3,
    );
    const allocations = of('jdk.ObjectAllocationSample');
    const weight = (list: typeof allocations): number =>
      list.reduce((sum, { weight }) => sum + weight, 0);
    const ours = allocations.filter((sample) => top(sample) === 'allocate');
    expect(weight(ours)).toBeGreaterThan(weight(allocations) / 2);
    const [write] = of('jdk.FileWrite');
    expect(write?.path).toMatch(/busy-\d+$/);
    const thrown = of('jdk.JavaExceptionThrow').filter(
      ({ message }) => message === 'thrown by the busy program',
    );
    expect(thrown).toHaveLength(1);
    expect(thrown[0]!.stackTrace.frames[0].method.type.name).toMatch(/busy$/);
    expect(of('node.HttpServerRequest')[0]).toMatchObject({ path: '/work', status: 200 });
    expect(of('jdk.CPULoad').every(({ jvmUser }) => jvmUser >= 0 && jvmUser <= 1)).toBe(true);
  });

  it.skipIf(newest === undefined)('keeps secrets to itself', () => {
    const pairs = printed(newest!, file, '--events', 'jdk.InitialEnvironmentVariable');
    const variables = new Map(pairs.map(({ values }) => [values.key, values.value]));
    expect(variables.get('PLAIN')).toBe('value');
    expect(variables.get('API_TOKEN')).toBe('********');
    const [information] = printed(newest!, file, '--events', 'jdk.JVMInformation');
    expect(information?.values.javaArguments).toContain('--token=********');
  });

  it.skipIf(newest?.version !== 25)(
    'lights up the views of `jfr view`',
    () => {
      const views = [
        'hot-methods',
        'gc',
        'gc-pauses',
        'allocation-by-site',
        'cpu-load',
        'thread-cpu-load',
        'file-writes-by-path',
        'exception-by-message',
        'latencies-by-type',
        'jvm-information',
        'system-properties',
        'environment-variables',
        'active-settings',
        'recording',
      ];
      for (const view of views) {
        const said = jfr(newest!, 'view', view, file);
        expect(said, view).not.toMatch(/Missing event|No events found/i);
        expect(said.trim().split('\n').length, view).toBeGreaterThan(2);
      }
    },
    60_000,
  );
});

describe('startup', () => {
  it('does nothing, and loads nothing, without the variable', () => {
    run(undefined);
    const loaded = execFileSync(
      process.execPath,
      ['--import', REGISTER, '-e', 'console.log(process.moduleLoadList.length)'],
      { encoding: 'utf8' },
    );
    const bare = execFileSync(
      process.execPath,
      ['--import', BARE, '-e', 'console.log(process.moduleLoadList.length)'],
      { encoding: 'utf8' },
    );
    expect(Number(loaded) - Number(bare)).toBeLessThan(20);
  });

  // modules loaded one by one make later collections longer (build.mjs)
  it('loads a handful of files, and none of what reads recordings', () => {
    const coverage = join(directory, 'coverage');
    execFileSync(process.execPath, ['--import', REGISTER, '-e', ''], {
      env: {
        ...process.env,
        NODE_V8_COVERAGE: coverage,
        REKINDLE_START_FLIGHT_RECORDING: 'settings=default,dumponexit=false',
      },
      // Node.js's coverage tells of every message of the profiler
      stdio: 'ignore',
    });
    const urls = readdirSync(coverage).flatMap((name): string[] => {
      const { result } = JSON.parse(readFileSync(join(coverage, name), 'utf8'));
      return result.map(({ url }: { url: string }) => url);
    });
    const ours = new Set(urls.filter((url) => /\/(recorder|jfr|bytes)\/dist\//.test(url)));
    expect(ours).toContain(REGISTER);
    expect(ours.size).toBeLessThanOrEqual(12);
    expect([...ours].filter((url) => !url.includes('/recorder/dist/'))).toEqual([]);
  });

  it('leaves nothing behind in a program whose recording is over', () => {
    const program = fileURLToPath(new URL('./testing/programs/hands-off.mjs', import.meta.url));
    const said = execFileSync(process.execPath, [program], { encoding: 'utf8', timeout: 60_000 });
    const { during, afterwards } = JSON.parse(said) as Record<'during' | 'afterwards', string[]>;
    expect(during).toContain('http.server.request.start');
    expect(during).toContain('fs.readFileSync');
    expect(during).toContain('Module._load');
    expect(afterwards).toEqual([]);
  });

  it('warns of a wrong option and lets the program run', () => {
    const { stderr, status } = spawnSync(
      process.execPath,
      ['--import', REGISTER, '-e', 'process.exitCode = 3'],
      {
        env: { ...process.env, REKINDLE_START_FLIGHT_RECORDING: 'duration=soon' },
        encoding: 'utf8',
      },
    );
    expect(stderr).toMatch(/no flight recording: duration cannot be "soon" \(write 30s/);
    expect(status).toBe(3);
  });

  it('takes what is added to settings=none', () => {
    const { settings } = parseStartOptions('settings=none,+app.Event#enabled=true');
    expect(settings).toEqual({ 'app.Event#enabled': 'true' });
  });

  it('understands the options of -XX:StartFlightRecording', () => {
    const options = parseStartOptions(
      'delay=5s,duration=2m,filename=a-%p.jfr,maxage=1h,maxsize=10m,name=mine,disk=true,' +
        'dumponexit=false,flush-interval=100ms,settings=profile,gc=off,' +
        'jdk.CPULoad#period=10ms,+app.Event#enabled=true',
    );
    expect(options).toMatchObject({
      delay: 5000,
      duration: 120_000,
      destination: `a-${process.pid}.jfr`,
      maxAge: 3_600_000,
      maxSize: 10 * 1024 * 1024,
      name: 'mine',
      disk: true,
      dumpOnExit: false,
      flushInterval: 100,
    });
    expect(options.settings).toMatchObject({
      'jdk.GarbageCollection#enabled': 'false',
      'jdk.CPULoad#period': '10 ms',
      'app.Event#enabled': 'true',
      'jdk.ExecutionSample#period': '10 ms',
    });
    expect(() => parseStartOptions('colour=red')).toThrow(/no option "colour"/);
    expect(() => parseStartOptions('filename=a.jfr,dumponexit=false')).toThrow(/dumponexit=true/);
    expect(() => parseStartOptions('settings=/nowhere.jfc')).toThrow(/no configuration/);
    expect(expandFilename('%%p-%t')).toMatch(/^%p-\d{4}_\d\d/);
  });

  it('writes no file where none was asked for', () => {
    run('settings=default');
    expect(existsSync(join(directory, 'undefined'))).toBe(false);
  });
});
