// SPDX-License-Identifier: Apache-2.0
// Several VMs served by one process: what one of them does, or suffers, is nothing to the others.
import { existsSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { openRecording } from '@rekindle/jfr';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  buildPreload,
  type PagerHandle,
  type PagerOptions,
  PagerProcess,
  sharedPathFor,
} from './index.ts';
import { buildNative, TEST_VMM } from './native-build.ts';
import { drawMemory, killPager, type Scene, startVmm, type Vmm } from './testing/guest.ts';

/** REKINDLE_KILLS=100 does it a hundred times, see survival.test.ts. */
const KILLS = Number(process.env.REKINDLE_KILLS ?? 6);
const GOOD = { code: 0, stderr: '' };
const DRAWING = 'abc.'.repeat(64);

const scenes: Scene[] = [];
const handles: PagerHandle[] = [];
const processes: PagerProcess[] = [];
let count = 0;

beforeAll(() => buildNative(TEST_VMM), 60_000);

afterEach(() => {
  for (const handle of handles.splice(0)) handle.kill();
  for (const pager of processes.splice(0)) pager.close();
  for (const made of scenes.splice(0)) made.remove();
});

async function scene(drawing = DRAWING): Promise<Scene> {
  const made = await drawMemory(drawing, 'several');
  scenes.push(made);
  return made;
}

function pagerProcess(): PagerProcess {
  const made = new PagerProcess();
  processes.push(made);
  return made;
}

function serve(pager: PagerProcess, made: Scene, options: Partial<PagerOptions> = {}) {
  const socketPath = made.path(`socket-${count++}`);
  const handle = pager.serve({ memoryPath: made.memoryPath, socketPath, ...options });
  handles.push(handle);
  return { handle, socketPath };
}

interface Vm {
  readonly handle: PagerHandle;
  readonly vmm: Vmm;
}

async function start(
  pager: PagerProcess,
  made: Scene,
  actions: readonly string[],
  options: Partial<PagerOptions> = {},
): Promise<Vm> {
  const { handle, socketPath } = serve(pager, made, options);
  await handle.ready;
  return { handle, vmm: await startVmm([socketPath, made.memoryPath, ...actions]) };
}

const HALVES = ['check', '0', '100', 'say', 'half', 'wait', 'check', '100', '256'];

describe('a process that serves several VMs', () => {
  it('gives each a policy, a recording and totals of its own', async () => {
    const [made, other] = [await scene(), await scene('xyz'.repeat(10))];
    const pager = pagerProcess();
    const vms = [
      await start(pager, made, HALVES, { recordPath: made.path('0.jfr') }),
      await start(pager, made, ['wait', 'check', '0', '256'], { policy: 'all' }),
      await start(pager, other, ['check', '0', '9', 'say', 'half', 'wait'], {
        recordPath: made.path('2.jfr'),
      }),
    ];
    expect(new Set(vms.map(({ handle }) => handle.pid)).size).toBe(1);
    await vms[1]!.handle.resumable;
    for (const { vmm } of [vms[0]!, vms[2]!]) await vmm.said('half');
    for (const { vmm } of vms) vmm.go();
    for (const { vmm } of vms) expect(await vmm.ended).toMatchObject(GOOD);
    const done = await Promise.all(vms.map(({ handle }) => handle.done));
    expect(done.map(({ faults, prefetched }) => [faults, prefetched])).toEqual([
      [256, 0],
      [64, 192],
      [9, 0],
    ]);
    for (const [name, faults] of [
      ['0.jfr', 256],
      ['2.jfr', 9],
    ] as const) {
      const recording = await openRecording(readFileSync(made.path(name)));
      expect((await recording.columns('rekindle.PageFault')).length).toBe(faults);
      expect((await recording.columns('rekindle.PagerSummary')).length).toBe(1);
      expect(existsSync(made.path(`${name}.parts`))).toBe(false);
    }
  });

  it('serves those that come while others run, and ends with the last once none can come', async () => {
    const made = await scene();
    const pager = pagerProcess();
    const first = await start(pager, made, HALVES);
    await first.vmm.said('half');
    const second = await start(pager, made, ['check', '0', '256']);
    expect(await second.vmm.ended).toMatchObject(GOOD);
    expect(await second.handle.done).toMatchObject({ faults: 256 });
    const { pid } = first.handle;
    pager.close();
    expect(() => serve(pager, made)).toThrow(expect.objectContaining({ code: 'OPTIONS' }) as Error);
    await sleep(50);
    expect(existsSync(`/proc/${pid}`)).toBe(true);
    first.vmm.go();
    expect(await first.vmm.ended).toMatchObject(GOOD);
    await first.handle.done;
    while (existsSync(`/proc/${pid}`)) await sleep(5);
  });

  it('lets the others live when one cannot be served', async () => {
    const made = await scene();
    const pager = pagerProcess();
    const good = await start(pager, made, HALVES);
    await good.vmm.said('half');
    // A memory that is not there, a peer that talks nonsense, one that never comes, a loop that blocks, an end.
    await expect(
      serve(pager, made, { memoryPath: made.path('none') }).handle.done,
    ).rejects.toMatchObject({ code: 'MEMORY_SOURCE' });
    const { handle, socketPath } = serve(pager, made);
    await handle.ready;
    createConnection(socketPath)
      .on('error', () => {})
      .write('nonsense');
    await expect(handle.done).rejects.toMatchObject({ code: 'HANDSHAKE_INVALID' });
    await expect(serve(pager, made, { handshakeTimeoutMs: 30 }).handle.done).rejects.toMatchObject({
      code: 'HANDSHAKE_TIMEOUT',
    });
    await expect(serve(pager, made, { loop: 'typescript' }).handle.done).rejects.toMatchObject({
      code: 'OPTIONS',
    });
    const killed = await start(pager, made, ['check', '0', '9', 'say', 'up', 'wait']);
    await killed.vmm.said('up');
    killed.handle.kill();
    await expect(killed.handle.done).rejects.toMatchObject({ code: 'PAGER_DIED' });
    expect(await killed.vmm.ended).toMatchObject({ signal: 'SIGKILL' });
    const forked = serve(pager, made);
    const forks = await startVmm([
      ...['--fork-events', forked.socketPath, made.memoryPath, 'read', '0', '1', 'fork'],
      ...['pause', '3000'],
    ]);
    await expect(forked.handle.done).rejects.toMatchObject({ code: 'EVENT_UNSUPPORTED' });
    expect(await forks.ended).toMatchObject({ signal: 'SIGKILL' });
    good.vmm.go();
    expect(await good.vmm.ended).toMatchObject(GOOD);
    expect(await good.handle.done).toMatchObject({ faults: 256 });
    expect(good.handle.replaced).toBe(0);
  });

  it('leaves one VM complete and to itself, and serves the others', async () => {
    const made = await scene();
    const pager = pagerProcess();
    const [left, kept] = [await start(pager, made, HALVES), await start(pager, made, HALVES)];
    for (const { vmm } of [left, kept]) await vmm.said('half');
    left.handle.stop();
    expect(await left.handle.done).toMatchObject({ reason: 'detached' });
    for (const { vmm } of [left, kept]) vmm.go();
    for (const { vmm } of [left, kept]) expect(await vmm.ended).toMatchObject(GOOD);
    expect(await kept.handle.done).toMatchObject({ reason: 'vm-ended', faults: 256 });
  });

  it('is replaced for all of them when it dies, also for those whose VMM has not come', async () => {
    const made = await scene();
    const pager = pagerProcess();
    const vms = [await start(pager, made, HALVES), await start(pager, made, HALVES)];
    for (const { vmm } of vms) await vmm.said('half');
    const { handle, socketPath } = serve(pager, made);
    await handle.ready;
    killPager(vms[0]!.handle);
    const late = await startVmm([socketPath, made.memoryPath, 'check', '0', '256']);
    vms.push({ handle, vmm: late });
    for (const { vmm } of vms) vmm.go();
    for (const { vmm } of vms) expect(await vmm.ended).toMatchObject(GOOD);
    for (const { handle: served } of vms) {
      const { faults } = await served.done;
      expect(faults).toBeGreaterThanOrEqual(256 - 1); // one answered and not counted, at most
      expect(served.replaced).toBe(1);
    }
    expect(new Set(vms.map(({ handle: served }) => served.pid)).size).toBe(1);
  });

  it(`is replaced at random points, ${KILLS} times`, async () => {
    const made = await scene('abc.'.repeat(256));
    const library = await buildPreload();
    const sharedPath = sharedPathFor({ memoryPath: made.memoryPath });
    const work = [
      ...['wait', 'check', '0', '500', 'remove', '100', '200', 'zeroes', '100', '200'],
      ...['write', '600', '700', 'check', '700', '1024', 'written', '600', '700'],
    ];
    for (let kill = 0; kill < KILLS; kill++) {
      const pager = new PagerProcess();
      const vms: Vm[] = [];
      // Clones that share memory, and one that does not.
      for (const [policy, shared] of [
        ['on-demand', true],
        ['all', true],
        ['on-demand', false],
      ] as const) {
        const { handle, socketPath } = serve(pager, made, {
          policy,
          ...(shared ? { sharedPath } : {}),
        });
        await handle.ready;
        const env = {
          LD_PRELOAD: library,
          REKINDLE_UFFD_SOCKET: socketPath,
          REKINDLE_UFFD_RAM: made.memoryPath,
          REKINDLE_UFFD_SHARED: sharedPath,
        };
        const args = [...(shared ? ['--preload'] : []), socketPath, made.memoryPath, ...work];
        vms.push({ handle, vmm: await startVmm(args, shared ? env : {}) });
      }
      for (const { handle } of vms) await handle.connected;
      for (const { vmm } of vms) vmm.go();
      await sleep(Math.random() * 15);
      const { pid } = vms[0]!.handle;
      if (existsSync(`/proc/${pid}`)) killPager({ pid });
      for (const { vmm } of vms) expect(await vmm.ended).toMatchObject(GOOD);
      pager.close();
      await Promise.all(vms.map(({ handle }) => handle.done));
    }
    expect(existsSync(sharedPath)).toBe(false);
  }, 300_000);

  it('loses the one whose memory is cut short, and no other', async () => {
    const [made, bad] = [await scene(), await scene()];
    const pager = pagerProcess();
    const good = [await start(pager, made, HALVES), await start(pager, made, HALVES)];
    const cut = ['say', 'half', 'wait', 'truncate', '8192', 'read', '6', '7'];
    const lost = await start(pager, bad, cut);
    for (const { vmm } of [...good, lost]) await vmm.said('half');
    lost.vmm.go();
    await expect(lost.handle.done).rejects.toMatchObject({ code: 'MEMORY_SIZE' });
    expect(await lost.vmm.ended).toMatchObject({ signal: 'SIGKILL' });
    for (const { vmm } of good) vmm.go();
    for (const { vmm, handle } of good) {
      expect(await vmm.ended).toMatchObject(GOOD);
      expect(await handle.done).toMatchObject({ reason: 'vm-ended' });
    }
  });

  it('is parted into one process a VM when it dies again and again', async () => {
    const made = await scene();
    const pager = pagerProcess();
    const vms = [await start(pager, made, HALVES), await start(pager, made, HALVES)];
    for (const { vmm } of vms) await vmm.said('half');
    const [{ handle: first }, { handle: second }] = vms as [Vm, Vm];
    for (let death = 1; death <= 3; death++) {
      killPager(first);
      while (first.replaced < death) await sleep(1);
    }
    expect(first.pid).not.toBe(second.pid);
    for (const { vmm } of vms) vmm.go();
    for (const { vmm, handle } of vms) {
      expect(await vmm.ended).toMatchObject(GOOD);
      expect(await handle.done).toMatchObject({ reason: 'vm-ended' });
    }
  });
});
