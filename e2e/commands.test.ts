// SPDX-License-Identifier: Apache-2.0
// The commands about VMs as a user types them: one detached VM from run to kill, and its snapshot back again.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BIN, Rekindle } from './testing/rekindle.ts';
import { demoGuest, isolatedState, leftBehind, NOTHING, until } from './testing/vms.ts';

const state = isolatedState();
const snapshot = join(state.directory, 'shop.snapshot');
const command = new Rekindle(state.directory);

interface Figures {
  readonly name: string;
  readonly pid: number;
  readonly addresses: readonly string[];
  readonly timings: { readonly firstAnswerMs: number };
}

beforeAll(async () => {
  await demoGuest();
});

afterAll(async () => {
  command.run('kill', '--all');
  await until(() => leftBehind(state.directory).processes.length === 0);
  expect(leftBehind(state.directory)).toEqual(NOTHING);
  state.remove();
});

describe('one VM, command by command', () => {
  let shop: Figures;

  test('run --detach comes back when the service answers', async () => {
    shop = command.json<Figures>('run', 'shop', '--detach');
    expect(shop.name).toBe('shop');
    expect(shop.timings.firstAnswerMs).toBeGreaterThan(500);
    const body = await (await fetch(shop.addresses[0] as string)).text();
    expect(body).toContain('"service":"rekindle-demo"');
  });

  test('ps and logs show it', () => {
    expect(command.json<object[]>('ps')).toMatchObject([
      {
        name: 'shop',
        state: 'running',
        pid: shop.pid,
        memoryBytes: 512 * 2 ** 20,
        restored: false,
      },
    ]);
    expect(command.run('ps').stdout).toMatch(/^shop +running +qemu/m);
    expect(command.json<string[]>('logs', 'shop').join('\n')).toMatch(/ready on port 8080/);
    expect(command.run('logs', 'shop', '-n', '1').stdout.trimEnd().split('\n')).toHaveLength(1);
  });

  test('a second one of that name is refused with exit 1 and the cure', () => {
    const { status, stderr, stdout } = command.run('run', 'shop', '--detach');
    expect(status).toBe(1);
    expect(stderr).toContain('[VM_EXISTS]');
    expect(stderr).toContain('rekindle kill shop');
    expect(stdout).toBe('');
  });

  test('balloon takes memory and gives it back', () => {
    expect(command.json('balloon', 'set', 'shop', '448')).toMatchObject({
      memoryBytes: 448 * 2 ** 20,
    });
    expect(command.json('balloon', 'set', 'shop', '512')).toMatchObject({
      memoryBytes: 512 * 2 ** 20,
    });
    expect(command.json('balloon', 'get', 'shop')).toMatchObject({ running: true });
  });

  test('snapshot saves it with its owners; it goes on; kill ends it', async () => {
    const { timings } = command.json<{ timings: { pausedMs: number } }>(
      'snapshot',
      'shop',
      snapshot,
    );
    expect(timings.pausedMs).toBeGreaterThan(0);
    expect(readdirSync(snapshot).sort()).toEqual([
      'manifest.json',
      'memory',
      'owners.jfr',
      'state',
    ]);
    expect(
      execFileSync('jfr', ['summary', join(snapshot, 'owners.jfr')], { encoding: 'utf8' }),
    ).toMatch(/rekindle\.PageOwner +[1-9]/);
    expect((await fetch(shop.addresses[0] as string)).status).toBe(200);
    const again = command.run('snapshot', 'shop', snapshot);
    expect(again.status).toBe(1);
    expect(again.stderr).toContain('[SNAPSHOT_EXISTS]');
    expect(command.run('kill', 'shop').stdout).toBe('shop\n');
    await expect.poll(() => leftBehind(state.directory)).toEqual(NOTHING);
  });

  test('snapshot verify reads every file', () => {
    expect(command.json<{ files: object[] }>('snapshot', 'verify', snapshot).files.length).toBe(6);
  });

  test('restore --exit answers and leaves a recording that the JDK reads', () => {
    const record = join(state.directory, 'run.jfr');
    const result = command.json<{ policy: string; pager: { faults: number } }>(
      ...['restore', snapshot, '--pager', 'on-demand', '--record', record, '--exit'],
    );
    expect(result.policy).toBe('on-demand');
    expect(result.pager.faults).toBeGreaterThan(1000);
    const summary = execFileSync('jfr', ['summary', record], { encoding: 'utf8' });
    const count = (event: string): number =>
      Number(new RegExp(`rekindle\\.${event} +(\\d+)`).exec(summary)?.[1] ?? 0);
    expect(count('PageFault')).toBe(result.pager.faults);
    expect(count('PagerSummary')).toBe(1);
    expect(count('PageOwner')).toBeGreaterThan(100);
    expect(count('VmPhase')).toBeGreaterThanOrEqual(4);
    expect(leftBehind(state.directory)).toEqual(NOTHING);
  });

  test('Ctrl-C ends a restore in the foreground, with its recording whole', async () => {
    const record = join(state.directory, 'interrupted.jfr');
    const restore = spawn(
      process.execPath,
      [BIN, 'restore', snapshot, '--record', record, '--json'],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const ended = new Promise((resolve) => restore.once('exit', (code) => resolve(code)));
    const line = await new Promise((resolve) => restore.stdout.once('data', resolve));
    expect(JSON.parse(String(line))).toMatchObject({ policy: 'on-demand' });
    restore.kill('SIGINT');
    expect(await ended).toBe(0);
    const summary = execFileSync('jfr', ['summary', record], { encoding: 'utf8' });
    expect(summary).toMatch(/rekindle\.PagerSummary +1 /);
    expect(leftBehind(state.directory)).toEqual(NOTHING);
  });

  test('restore --detach, twice at once, each its own VM', async () => {
    const vms = ['one', 'two'].map((name) =>
      command.json<Figures>('restore', snapshot, '--detach', '--name', name),
    );
    for (const { addresses } of vms) expect((await fetch(addresses[0] as string)).status).toBe(200);
    expect(command.json<object[]>('ps')).toMatchObject([
      { name: 'one', restored: true },
      { name: 'two', restored: true },
    ]);
    expect(command.run('kill', '--all').status).toBe(0);
    // The owners end on their own once their VM has.
    await expect.poll(() => leftBehind(state.directory)).toEqual(NOTHING);
  });
});

describe('what goes wrong is one line with its cure', () => {
  test.each([
    [['kill'], 2, 'name a VM'],
    [['kill', 'nobody'], 1, 'rekindle ps'],
    [['logs', 'nobody'], 1, 'rekindle ps'],
    [['balloon', 'set', 'nobody', 'lots'], 2, 'whole number'],
    [['snapshot', 'nobody', 'there'], 1, '[VM_NOT_FOUND]'],
    [['snapshot', 'verify', 'nowhere'], 1, '[SNAPSHOT_INCOMPLETE]'],
    [['restore', 'nowhere'], 1, 'rekindle snapshot NAME DIR'],
    [['restore', 'nowhere', '--record', 'no/such/run.jfr'], 1, 'cannot write'],
    [['restore', 'nowhere', '--detach'], 1, 'rekindle snapshot NAME DIR'],
    [['restore', 'nowhere', '--pager', 'magic'], 2, 'on-demand'],
    [['run', 'a b'], 1, '[BAD_SPEC]'],
    [['run', 'x', '-p', '99999'], 2, 'GUESTPORT'],
    [['run', 'x', '--engine', 'firecracker'], 1, 'firecracker'],
    [['run', 'x', '--kernel', '/nowhere'], 1, '/nowhere'],
  ])('%j', (words, status, said) => {
    const run = command.run(...words);
    expect(run.stderr.toLowerCase()).toContain(said.toLowerCase());
    expect(run.status, run.stderr).toBe(status);
    expect(run.stderr).not.toContain('    at ');
    expect(leftBehind(state.directory)).toEqual(NOTHING);
  });

  test.each(['run', 'restore', 'ps', 'logs', 'kill', 'snapshot', 'balloon', 'doctor'])(
    '%s --help has an example',
    (name) => {
      const { status, stdout } = command.run(name, '--help');
      expect(status).toBe(0);
      expect(stdout).toMatch(name === 'balloon' ? /get.*\n.*set/s : /Example:\n {2}rekindle /);
    },
  );

  test('doctor tells what this host can do', () => {
    const { status, stdout } = command.run('doctor', '--json');
    const findings = JSON.parse(stdout) as { what: string; verdict: string; cure: string }[];
    expect(findings.map(({ what }) => what)).toEqual(
      expect.arrayContaining(['Node.js', 'QEMU', 'acceleration', 'userfaultfd', 'root image']),
    );
    const missing = findings.filter(({ verdict }) => verdict === 'missing');
    expect(status).toBe(missing.length === 0 ? 0 : 1);
    for (const { cure } of missing) expect(cure).not.toBe('');
    expect(existsSync(join(state.directory, 'rekindle', 'vms', 'x'))).toBe(false);
  });
});
