// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openRecording } from '@rekindle/jfr';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const REKINDLE = fileURLToPath(new URL('../../bin/rekindle.cjs', import.meta.url));
const BUSY =
  'const end = Date.now() + 60000; setInterval(() => { for (let i = 0; i < 1e6; i++) Math.sqrt(i); if (Date.now() > end) process.exit(); }, 5)';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'record-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function count(file: string, event: string): Promise<number> {
  const recording = await openRecording(readFileSync(file));
  let found = 0;
  for await (const chunk of recording.chunks()) found += chunk.count(event);
  return found;
}

describe('rekindle record', () => {
  it('records a program from its start to Ctrl-C, which ends it as ever', async () => {
    const file = join(directory, 'server.jfr');
    const child = spawn(
      process.execPath,
      [REKINDLE, 'record', '--filename', file, '--settings', 'profile', '--', 'node', '-e', BUSY],
      { stdio: 'ignore', detached: true },
    );
    await sleep(4000);
    process.kill(-child.pid!, 'SIGINT');
    const code = await new Promise((resolve) => child.once('exit', resolve));
    expect(code).toBe(130);
    expect(await count(file, 'jdk.ExecutionSample')).toBeGreaterThan(0);
    expect(await count(file, 'jdk.ActiveRecording')).toBeGreaterThan(0);
  });

  it('passes the exit code on, and refuses wrong options before the program starts', () => {
    const run = (...args: string[]) =>
      spawnSync(process.execPath, [REKINDLE, 'record', ...args], {
        encoding: 'utf8',
        cwd: directory,
      });
    expect(run('--', 'node', '-e', 'process.exitCode = 7').status).toBe(7);
    const wrong = run('--duration', 'soon', '--', 'node', '-e', 'console.log("ran")');
    expect(wrong.status).toBe(1);
    expect(wrong.stdout).toBe('');
    expect(wrong.stderr).toMatch(/duration cannot be "soon"[\s\S]*write 30s/);
    expect(run('--set', 'colour=red', '--', 'node', '-e', '0').stderr).toMatch(
      /no option "colour"/,
    );
  });

  it.each(['commonjs', 'module'])(
    'starts, checks, dumps and stops a recording in a running process: %s',
    async (type) => {
      const child = spawn(process.execPath, [`--input-type=${type}`, '-e', BUSY], {
        stdio: 'ignore',
      });
      const pid = String(child.pid);
      const record = (...args: string[]): string =>
        execFileSync(process.execPath, [REKINDLE, 'record', ...args], { encoding: 'utf8' });
      try {
        await sleep(500);
        expect(record('start', pid, '--settings', 'profile', '--name', 'mine')).toMatch(
          /is running/,
        );
        const [info] = JSON.parse(record('check', pid, '--json')).recordings;
        expect(info).toMatchObject({ name: 'mine', state: 'running' });
        expect(record('check', pid, '--verbose')).toMatch(/web-locks|jdk.CPULoad#period=1000 ms/);
        await sleep(2500);
        const files = ['dump.jfr', 'stop.jfr'].map((name) => join(directory, `${type}-${name}`));
        record('dump', pid, '--filename', files[0]!);
        record('stop', pid, '--name', 'mine', '--filename', files[1]!);
        expect(record('check', pid)).toMatch(/no recording/);
        expect(await count(files[0]!, 'jdk.ExecutionSample')).toBeGreaterThan(0);
        expect(await count(files[1]!, 'jdk.CPULoad')).toBeGreaterThan(0);
      } finally {
        child.kill('SIGKILL');
      }
    },
  );
});
