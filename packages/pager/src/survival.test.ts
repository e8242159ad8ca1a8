// SPDX-License-Identifier: Apache-2.0
// Kills pagers at random points while they serve: the VM must live, and see every byte as it should.
// REKINDLE_KILLS=100 does it a hundred times; the default keeps the suite short.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { openRecording } from '@rekindle/jfr';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type LoopKind, type PagerHandle, type PagerPolicy, spawnPager } from './index.ts';
import { buildNative, TEST_VMM } from './native-build.ts';
import { drawMemory, killPager, runVmm, type Scene, startVmm } from './testing/guest.ts';

const KILLS = Number(process.env.REKINDLE_KILLS ?? 6);
const PAGES = 1024;
const DRAWING = 'abc.'.repeat(PAGES / 4);

const scenes: Scene[] = [];
const pagers: PagerHandle[] = [];

beforeAll(() => buildNative(TEST_VMM), 60_000);

afterEach(() => {
  for (const pager of pagers.splice(0)) pager.kill();
  for (const made of scenes.splice(0)) made.remove();
});

async function start(policy: PagerPolicy, loop: LoopKind): Promise<[Scene, PagerHandle]> {
  const made = await drawMemory(DRAWING, 'survival');
  scenes.push(made);
  const pager = spawnPager({ ...made, policy, loop });
  pagers.push(pager);
  await pager.ready;
  return [made, pager];
}

/** What the guest does for some hundred milliseconds: reads, writes, gives back, reads again. */
function work(): string[] {
  const actions: string[] = [];
  const step = PAGES / 16;
  for (let from = 0; from < PAGES; from += step) {
    const [a, b, c] = [`${from}`, `${from + step / 2}`, `${from + step}`];
    actions.push('check', a, c, 'pause', '3', 'write', b, c, 'remove', a, b, 'pause', '2');
    actions.push('threads', '3', a, b, 'zeroes', a, b, 'written', b, c);
  }
  return actions;
}

describe('a pager that dies', () => {
  for (let kill = 0; kill < KILLS; kill++) {
    const loop: LoopKind = kill % 3 === 2 ? 'typescript' : 'native';
    const policy: PagerPolicy = kill % 4 === 1 ? 'all' : 'on-demand';
    // Drawn anew in every run; the name says it, should one fail.
    const after = Math.floor(Math.random() * 80);
    it(`is replaced, kill ${kill} (${loop}, ${policy}, ${after} ms after the handshake)`, async () => {
      const [made, pager] = await start(policy, loop);
      const vmm = await startVmm([
        ...['--region', '1048576', '--region', `${PAGES * 4096 - 1048576}`],
        ...[made.socketPath, made.memoryPath, ...work()],
      ]);
      await pager.connected;
      await sleep(after);
      killPager(pager);
      expect(await vmm.ended).toMatchObject({ code: 0, stderr: '' });
      expect(await pager.done).toMatchObject({ reason: 'vm-ended' });
      expect(pager.replaced).toBeLessThanOrEqual(1);
    });
  }

  it('is replaced again and again, and its totals go on', async () => {
    const [made, pager] = await start('on-demand', 'native');
    const vmm = await startVmm([
      ...[made.socketPath, made.memoryPath, 'check', '0', '10', 'say', 'one', 'wait'],
      ...['check', '10', '20', 'say', 'two', 'wait', 'remove', '0', '5', 'zeroes', '0', '5'],
      ...['say', 'three', 'wait', 'remove', '2', '12', 'zeroes', '0', '12', 'check', '12', '40'],
    ]);
    for (const word of ['one', 'two', 'three']) {
      await vmm.said(word);
      const before = pager.replaced;
      killPager(pager);
      vmm.go();
      while (pager.replaced === before) await sleep(5);
    }
    expect(await vmm.ended).toMatchObject({ code: 0, stderr: '' });
    expect(pager.replaced).toBe(3);
    // A pager that dies between an answer and its count leaves one thing uncounted: once per death.
    const { faults, removed } = await pager.done;
    expect(faults).toBeLessThanOrEqual(20 + 5 + 10 + 20);
    expect(faults).toBeGreaterThanOrEqual(20 + 5 + 10 + 20 - 3);
    expect([5 * 4096, 10 * 4096, 15 * 4096]).toContain(removed);
  });

  it('leaves what it had recorded up to its last flush, and the JDK reads the whole', async () => {
    const made = await drawMemory(DRAWING, 'survival');
    scenes.push(made);
    const recordPath = made.path('run.jfr');
    const pager = spawnPager({ ...made, recordPath });
    pagers.push(pager);
    await pager.ready;
    const vmm = await startVmm([
      ...[made.socketPath, made.memoryPath, 'check', '0', '10', 'say', 'one', 'wait'],
      ...['check', '10', '30'],
    ]);
    await vmm.said('one');
    await sleep(2200); // the recorder flushes once a second
    killPager(pager);
    vmm.go();
    expect(await vmm.ended).toMatchObject({ code: 0, stderr: '' });
    await pager.done;
    const recording = await openRecording(readFileSync(recordPath));
    const faults = await recording.columns('rekindle.PageFault', ['guestPhysical']);
    const pages = [...faults.numbers('guestPhysical')].map((address) => address / 4096);
    expect(pages).toEqual(Array.from({ length: 30 }, (_, page) => page));
    const printed = execFileSync('jfr', ['summary', recordPath], { encoding: 'utf8' });
    expect(printed).toMatch(/rekindle\.PageFault +30 /);
    expect(readdirSync(made.directory).sort()).toEqual(['memory', 'run.jfr']);
  });

  it('takes its VM along, within a second, when no successor can live', async () => {
    const [made, pager] = await start('on-demand', 'native');
    const vmm = await startVmm([made.socketPath, made.memoryPath, 'say', 'up', 'wait']);
    await vmm.said('up');
    await pager.connected;
    made.remove(); // the memory file is gone: no successor can open it
    const killed = performance.now();
    killPager(pager);
    await expect(pager.done).rejects.toMatchObject({ code: 'MEMORY_SOURCE' });
    expect(await vmm.ended).toMatchObject({ signal: 'SIGKILL' });
    expect(performance.now() - killed).toBeLessThan(1000);
  });

  it('before a VMM came is replaced too', async () => {
    const [made, pager] = await start('on-demand', 'native');
    killPager(pager);
    const vmm = await runVmm([made.socketPath, made.memoryPath, 'check', '0', '10']);
    expect(vmm).toMatchObject({ code: 0, stderr: '' });
    expect(await pager.done).toMatchObject({ reason: 'vm-ended', faults: 10 });
    expect(pager.replaced).toBe(1);
  });

  it('is an error when none can live, and leaves no socket behind', async () => {
    const made = await drawMemory(DRAWING, 'survival');
    scenes.push(made);
    const { NODE_OPTIONS } = process.env;
    process.env.NODE_OPTIONS = '--require=/nowhere/at-all.cjs';
    const pager = spawnPager({ ...made });
    pagers.push(pager);
    await expect(pager.done).rejects.toMatchObject({ code: 'PAGER_DIED' });
    process.env.NODE_OPTIONS = NODE_OPTIONS ?? '';
    const late = await runVmm([made.socketPath, made.memoryPath, 'read', '0', '1']);
    expect(late.stderr).toMatch(/No such file/);
  });
});
