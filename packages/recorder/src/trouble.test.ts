// SPDX-License-Identifier: Apache-2.0
// What must not end the application, and must not pass for a whole recording.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openRecording } from '@rekindle/jfr';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { counts, JDKS, printed } from './testing/jdk.ts';
import { judgeKilled, killWhileCommitting } from './testing/killed.ts';
import { judgeShortLived, runShortLived } from './testing/short-lived.ts';

const PROGRAM = fileURLToPath(new URL('./testing/programs/trouble.mjs', import.meta.url));
/** The full numbers are those of `npm run stress`. */
const KILLS = 8;
const WORKERS = 40;

let directory: string;
let file: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'trouble-'));
  file = join(directory, 'out.jfr');
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Run {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
}

function run(mode: string, repository: string, ...args: readonly string[]): Run {
  rmSync(file, { force: true });
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [PROGRAM, mode, repository, file, ...args],
    { encoding: 'utf8', timeout: 600_000 },
  );
  return { stdout, stderr, status };
}

function numbers(path: string): number[] {
  const [jdk] = JDKS;
  if (jdk === undefined) return [];
  return printed(jdk, path, '--events', 'test.Tick').map(({ values }) => values.number);
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index);

describe('a process that is killed', () => {
  it(`leaves everything up to the last flush, ${KILLS} times`, async () => {
    for (let kill = 0; kill < KILLS; kill++) {
      const repository = join(directory, `killed-${kill}`);
      mkdirSync(repository);
      const flushed = await killWhileCommitting(repository);
      expect(await judgeKilled(repository, flushed)).toBeGreaterThanOrEqual(flushed);
      rmSync(repository, { recursive: true });
    }
  }, 300_000);
});

describe('a repository', () => {
  const root = spawnSync('sh', ['-c', 'test $(id -u) = 0 && command -v mount']).status === 0;

  it('on a full disk costs the recording, not the program, and what was lost is told', (context) => {
    if (!root) return context.skip('a full disk needs the right to mount a small one');
    const mount = join(directory, 'full');
    mkdirSync(mount);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=300k', 'tmpfs', mount]);
    if (mounted.status !== 0) return context.skip(`mount says ${mounted.stderr}`);
    try {
      const { stderr, status } = run('full', mount);
      expect(status, stderr).toBe(0);
      expect(stderr).toMatch(/the flight recorder lost data: .*ENOSPC/);
    } finally {
      execFileSync('umount', [mount]);
    }
    if (JDKS.length === 0) return;
    const seen = numbers(file);
    // from before, up to the last flush, and from after
    expect(seen.slice(0, 500)).toEqual(range(0, 500));
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.slice(-10)).toEqual(range(-10, 0));
    for (const jdk of JDKS) {
      const losses = printed(jdk, file, '--events', 'jdk.DataLoss');
      expect(losses.length).toBeGreaterThan(0);
      for (const { values } of losses) expect(values.amount).toBeGreaterThan(0);
    }
  });

  it('that is removed does not end the program', () => {
    const { status, stderr } = run('removed', repository('removed'), 'removed');
    expect(status, stderr).toBe(0);
    expect(stderr).toMatch(/flight recorder.*(removed|missing)/);
    expectRecording();
  });

  it('that is read-only does not end the program', (context) => {
    if (root && spawnSync('unshare', ['--mount', 'true']).status !== 0) {
      return context.skip('root needs the right to mount');
    }
    const place = repository('read-only');
    const { status, stderr } = run('removed', place, 'read-only');
    for (const name of root ? readdirSync(place) : []) execFileSync('umount', [join(place, name)]);
    expect(status, stderr).toBe(0);
    expect(stderr).toMatch(/the flight recorder lost data: .*(EROFS|EACCES)/);
    expectRecording();
  });

  function repository(name: string): string {
    const place = join(directory, name);
    mkdirSync(place);
    return place;
  }

  /** What is there is a recording, whatever is missing from it. */
  function expectRecording(): void {
    expect(existsSync(file)).toBe(true);
    for (const jdk of JDKS) expect(counts(jdk, file).get('test.Tick')).toBeGreaterThan(0);
  }
});

describe('a process', () => {
  it.each([
    ['its work is done', [], 0],
    ['it calls process.exit()', ['exit'], 3],
    ['nobody catches an error', ['throw'], 1],
  ])('has a whole recording when %s', (_, args, code) => {
    const { status } = run('ends', directory, ...args);
    expect(status).toBe(code);
    if (JDKS.length > 0) expect(numbers(file)).toEqual(range(0, 100));
  });

  it('and its child record side by side', () => {
    const repository = join(directory, 'forked');
    mkdirSync(repository);
    const { status } = run('forked', repository);
    expect(status).toBe(0);
    if (JDKS.length === 0) return;
    expect(numbers(file)).toEqual(range(0, 200));
    expect(numbers(file.replace('.jfr', '-child.jfr'))).toEqual(range(0, 200));
  });
});

describe('a cluster', () => {
  it('has its processes record side by side', () => {
    const repository = join(directory, 'cluster');
    mkdirSync(repository);
    const { status, stderr } = run('cluster', repository);
    expect(status, stderr).toBe(0);
    if (JDKS.length === 0) return;
    for (const suffix of ['', '-1', '-2']) {
      expect(numbers(file.replace('.jfr', `${suffix}.jfr`))).toEqual(range(0, 200));
    }
    expect(readdirSync(repository)).toEqual([]);
  });
});

describe('a stack trace', () => {
  it('may be larger than a thread buffer', async () => {
    const { status, stderr } = run('deep', directory);
    expect(status, stderr).toBe(0);
    const recording = await openRecording(readFileSync(file));
    for await (const event of recording.events({ types: ['test.Tick'] })) {
      const frames = event.stackTrace?.frames as { method: { name: string } }[];
      expect(frames.length).toBeGreaterThan(900);
      expect(frames[2]!.method.name).toBe('depth0');
      expect(frames[901]!.method.name).toBe('depth899');
    }
    expect(numbers(file)).toEqual(JDKS.length > 0 ? [0] : []);
  });
});

describe('threads', () => {
  it(`of ${WORKERS} short-lived workers are all named, through 8 slots`, async () => {
    rmSync(file, { force: true });
    const residents = runShortLived(directory, file, WORKERS);
    // what the slots need, and what Node.js keeps of its workers
    const grown = residents.at(-1)! - residents[0]!;
    expect(grown).toBeLessThan((60 << 20) + WORKERS * 20_000);
    expect(await judgeShortLived(file, WORKERS)).toEqual({
      events: WORKERS * 10,
      threads: WORKERS,
      lost: 0,
    });
    if (JDKS.length > 0)
      expect(numbers(file).sort((a, b) => a - b)).toEqual(range(0, WORKERS * 10));
  }, 600_000);

  it('beyond the last slot go unrecorded, and it is said', () => {
    const { status, stderr } = run('crowded', directory);
    expect(status, stderr).toBe(0);
    expect(stderr).toMatch(/no room for another thread: worker-\d+ goes unrecorded \(1 slots/);
    if (JDKS.length > 0) expect(numbers(file)).toEqual(range(0, 100));
  });

  it('that began before the recorder take part', () => {
    const { status, stderr } = run('late', directory);
    expect(status, stderr).toBe(0);
    if (JDKS.length > 0) expect(numbers(file)).toEqual(range(0, 100));
  });
});
