// SPDX-License-Identifier: Apache-2.0
// examples/recorded-server as its README goes: recorded, followed by the JDK and by us, dumped, stopped,
// opened with both tools.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findJdks, jdkOf, runJfr } from '../packages/jfr/src/testing/jdk.ts';

const EXAMPLE = fileURLToPath(new URL('../examples/recorded-server/', import.meta.url));
const REKINDLE = fileURLToPath(new URL('../packages/cli/bin/rekindle.cjs', import.meta.url));
const VIEWS = ['hot-methods', 'gc', 'allocation-by-site', 'latencies-by-type'];

let directory: string;
let file: string;
let url: string;
let pid: number;
let recorder: ChildProcess;
const children: ChildProcess[] = [];

function start(command: string, ...args: readonly string[]): ChildProcess {
  const child = spawn(command, args, {
    cwd: EXAMPLE,
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  return child;
}

function rekindle(...args: readonly string[]): string {
  return execFileSync(process.execPath, [REKINDLE, ...args], { encoding: 'utf8' });
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'recorded-server-'));
  file = join(directory, 'server.jfr');
  const options = ['--filename', file, '--settings', 'profile', '--flush-interval', '1s'];
  const program = ['--', 'node', 'server.mjs'];
  recorder = start(process.execPath, REKINDLE, 'record', ...options, ...program);
  const [said] = await once(createInterface({ input: recorder.stdout! }), 'line');
  const match = /^(\S+) is process (\d+)$/.exec(String(said))!;
  url = match[1]!;
  pid = Number(match[2]);
  start(process.execPath, 'load.mjs', url, '120');
});
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

describe('the recorded server', () => {
  const repository = (): string => {
    const said = JSON.parse(rekindle('record', 'check', String(pid), '--json')) as {
      repository: string;
    };
    return said.repository;
  };

  async function sees(child: ChildProcess, ...wanted: readonly RegExp[]): Promise<void> {
    const lines: string[] = [];
    createInterface({ input: child.stdout! }).on('line', (line) => lines.push(line));
    for (const what of wanted) {
      await expect
        .poll(() => lines.some((line) => what.test(line)), { timeout: 60_000 })
        .toBe(true);
    }
    child.kill();
  }

  it('is followed by the JDK while it runs', async (context) => {
    const jdks = findJdks().filter(({ version }) => version >= 17);
    if (jdks.length === 0) return context.skip('no JDK 17 or newer');
    for (const { home } of jdks) {
      const java = start(join(home, 'bin/java'), 'Follow.java', repository());
      await sees(java, /^order of \d items: \d+, in [\d.]+ ms, by order$/, /^CPU \d+ %$/);
    }
  });

  it('is followed by us while it runs', async () => {
    const node = start(process.execPath, 'follow.mjs', repository());
    await sees(node, /^order \d+: \d+ in [\d.]+ ms, by order$/, /^CPU \d+ %$/);
  });

  it('is dumped while it goes on, and ends with a whole recording', async () => {
    const dumped = join(directory, 'now.jfr');
    rekindle('record', 'dump', String(pid), '--filename', dumped);
    expect(rekindle('jfr', 'summary', dumped)).toMatch(/ shop\.Order +[1-9]/);
    expect((await fetch(url)).status).toBe(200);
    process.kill(pid, 'SIGINT');
    const [code] = await once(recorder, 'exit');
    expect(code).toBe(130);
    expect(rekindle('jfr', 'summary', file)).toMatch(/ shop\.Order +[1-9]/);
  });

  it('shows what was hot, collected, allocated and slow', () => {
    // V8 tells of the function that it has inlined the others into
    const own = /server\.(price|priced|order|answer)\(/;
    expect(rekindle('jfr', 'view', 'hot-methods', file).split('\n')[5]).toMatch(own);
    expect(rekindle('jfr', 'view', 'allocation-by-site', file)).toMatch(own);
    for (const view of VIEWS) {
      expect(rekindle('jfr', 'view', view, file).trim().split('\n').length, view).toBeGreaterThan(
        4,
      );
    }
  });

  it('shows the same in the JDK', (context) => {
    const jdk = jdkOf(25);
    if (jdk === undefined) return context.skip('no JDK 25');
    for (const view of VIEWS) {
      expect(rekindle('jfr', 'view', view, file), view).toBe(
        runJfr(jdk, 'view', view, file).stdout,
      );
    }
  });
});
