// SPDX-License-Identifier: Apache-2.0
// Clones of one snapshot, served beside each other: what they read they share, what they write is their own.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { compactMemory } from './compact-write.ts';
import {
  buildPreload,
  encodeWorkingSet,
  type PagerHandle,
  type PagerOptions,
  SHARED_DIRECTORY,
  sharedPathFor,
  spawnPager,
} from './index.ts';
import { buildNative, TEST_VMM } from './native-build.ts';
import { drawMemory, killPager, type Scene, startVmm, type Vmm } from './testing/guest.ts';

/** REKINDLE_KILLS=100 does it a hundred times, see survival.test.ts. */
const KILLS = Number(process.env.REKINDLE_KILLS ?? 6);

const scenes: Scene[] = [];
const pagers: PagerHandle[] = [];
const servers: Server[] = [];
let count = 0;

beforeAll(() => buildNative(TEST_VMM), 60_000);

afterEach(() => {
  for (const pager of pagers.splice(0)) pager.kill();
  for (const server of servers.splice(0)) server.close();
  for (const made of scenes.splice(0)) made.remove();
});

async function scene(drawing: string): Promise<Scene> {
  const made = await drawMemory(drawing, 'shared');
  scenes.push(made);
  return made;
}

interface Clone {
  readonly pager: PagerHandle;
  readonly vmm: Vmm;
}

/** One clone: a pager of its own, and a VMM that maps what all of them share. */
async function clone(
  made: Scene,
  actions: readonly string[],
  options: Partial<PagerOptions> = {},
): Promise<Clone> {
  const socketPath = made.path(`socket-${count++}`);
  const sharedPath = sharedPathFor({ memoryPath: made.memoryPath });
  const pager = spawnPager({ memoryPath: made.memoryPath, socketPath, sharedPath, ...options });
  pagers.push(pager);
  await pager.ready;
  const vmm = await startVmm(['--preload', socketPath, made.memoryPath, ...actions], {
    LD_PRELOAD: await buildPreload(),
    REKINDLE_UFFD_SOCKET: socketPath,
    REKINDLE_UFFD_RAM: made.memoryPath,
    REKINDLE_UFFD_SHARED: options.sharedPath ?? sharedPath,
  });
  return { pager, vmm };
}

const GOOD = { code: 0, stderr: '' };

/** Proportional set size of what a process maps of a file, and what of it is its own; KiB. */
function memoryOf(pid: number, file: string): { shared: number; own: number } {
  const sizes = { shared: 0, own: 0 };
  let inside = false;
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'utf8').split('\n')) {
    if (/^[0-9a-f]+-/.test(line)) inside = line.endsWith(file);
    const [, name = '', kib = ''] = /^(\w+): +(\d+) kB$/.exec(line) ?? [];
    if (!inside) continue;
    if (name === 'Anonymous') sizes.own += Number(kib);
    if (name === 'Rss') sizes.shared += Number(kib);
  }
  return { own: sizes.own, shared: sizes.shared - sizes.own };
}

describe('memory that clones share', () => {
  it('has every page once, and what a guest writes is its own', async () => {
    const made = await scene('abcdefgh'.repeat(32));
    const actions = ['check', '0', '256', 'write', '0', '8', 'written', '0', '8', 'say', 'up'];
    const more = ['wait', 'written', '0', '8', 'check', '8', '256'];
    const first = await clone(made, [...actions, ...more]);
    await first.vmm.said('up');
    const second = await clone(made, [...actions, ...more]);
    await second.vmm.said('up');
    const file = sharedPathFor(made);
    expect(statSync(file).blocks * 512).toBe(256 * 4096);
    for (const { vmm } of [first, second]) {
      expect(memoryOf(vmm.child.pid!, file)).toEqual({ own: 8 * 4, shared: 248 * 4 });
      vmm.go();
      expect(await vmm.ended).toMatchObject(GOOD);
    }
    expect(await first.pager.done).toMatchObject({ faults: 256, copied: 256, shared: 256 });
    expect(await second.pager.done).toMatchObject({ faults: 256, copied: 256, shared: 256 });
    expect(existsSync(file)).toBe(false);
  });

  it('copies what is written first, and leaves holes and zero pages out of it', async () => {
    const made = await scene('ab.c0def');
    const { pager, vmm } = await clone(made, [
      ...['write', '0', '2', 'check', '2', '8', 'written', '0', '2', 'say', 'up', 'wait'],
    ]);
    await vmm.said('up');
    const file = sharedPathFor(made);
    expect(statSync(file).blocks * 512).toBe(4 * 4096);
    vmm.go();
    expect(await vmm.ended).toMatchObject(GOOD);
    expect(await pager.done).toMatchObject({ copied: 6, zeroed: 2, shared: 4 });
  });

  it('gives zeroes for what one guest removed, and the content to the others', async () => {
    const made = await scene('x'.repeat(2000));
    const first = await clone(made, [
      'check',
      '0',
      '2000',
      'say',
      'up',
      'wait',
      'check',
      '0',
      '2000',
    ]);
    await first.vmm.said('up');
    const second = await clone(made, [
      ...['race', '0', '2000', 'race', '0', '2000', 'zeroes', '0', '2000', 'write', '0', '9'],
      ...['remove', '0', '9', 'zeroes', '0', '9'],
    ]);
    expect(await second.vmm.ended).toMatchObject(GOOD);
    first.vmm.go();
    expect(await first.vmm.ended).toMatchObject(GOOD);
    expect(await second.pager.done).toMatchObject({ removed: 4009 * 4096 });
  });

  it('is prefetched by the first and mapped by the next', async () => {
    const made = await scene('abc.'.repeat(64));
    const set = {
      pageSize: 4096,
      memoryBytes: 256 * 4096,
      snapshotHash: '',
      runs: [
        { page: 100, pages: 3 },
        { page: 0, pages: 3 },
      ],
      zeroRuns: [{ page: 3, pages: 1 }],
      hotRuns: 1,
      statistics: { recordings: 1, threshold: 1, union: 7, chosen: 7, gap: 0 },
    };
    writeFileSync(made.path('ws'), encodeWorkingSet(set));
    const actions = ['wait', 'present', '0', '4', 'present', '100', '103', 'check', '0', '256'];
    for (const policy of ['prefetch', 'hybrid', 'all'] as const) {
      const clones: Clone[] = [];
      for (let n = 0; n < 3; n++) {
        const check =
          policy === 'all' ? ['wait', 'check', '0', '256'] : ['pause', '50', ...actions];
        clones.push(await clone(made, check, { policy, workingSetPath: made.path('ws') }));
      }
      for (const { pager, vmm } of clones) {
        await pager.resumable;
        vmm.go();
        expect(await vmm.ended).toMatchObject(GOOD);
        const prefetched = policy === 'all' ? 192 : 7;
        expect(await pager.done).toMatchObject({ prefetched, shared: 192 });
      }
    }
  });

  it('goes on when pagers are killed', async () => {
    const made = await scene('abcd'.repeat(64));
    const actions = ['check', '0', '100', 'write', '0', '5', 'say', 'half', 'wait'];
    const more = [
      'remove',
      '90',
      '99',
      'zeroes',
      '90',
      '99',
      'written',
      '0',
      '5',
      'check',
      '99',
      '256',
    ];
    const clones = [
      await clone(made, [...actions, ...more]),
      await clone(made, [...actions, ...more]),
    ];
    for (const { pager, vmm } of clones) {
      await vmm.said('half');
      killPager(pager);
      vmm.go();
      expect(await vmm.ended).toMatchObject(GOOD);
      await pager.done;
      expect(pager.replaced).toBe(1);
    }
    expect(existsSync(sharedPathFor(made))).toBe(false);
  });

  it(`goes on when pagers are killed at random points, ${KILLS} times`, async () => {
    const pages = 1024;
    const made = await scene('abc.'.repeat(pages / 4));
    for (let kill = 0; kill < KILLS; kill += 2) {
      const clones: Clone[] = [];
      for (const policy of ['on-demand', 'all'] as const) {
        const actions = [
          'wait',
          'check',
          '0',
          '500',
          'remove',
          '100',
          '200',
          'zeroes',
          '100',
          '200',
        ];
        const rest = ['write', '600', '700', 'check', '700', `${pages}`, 'written', '600', '700'];
        clones.push(await clone(made, [...actions, ...rest], { policy }));
      }
      for (const { pager, vmm } of clones) {
        await pager.connected;
        vmm.go();
      }
      for (const { pager } of clones) {
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 12));
        try {
          killPager(pager);
        } catch {
          // Its VM has ended already.
        }
      }
      for (const { vmm } of clones) expect(await vmm.ended).toMatchObject(GOOD);
      await Promise.all(clones.map(({ pager }) => pager.done.catch(() => {})));
    }
  }, 300_000);

  it('leaves a VM complete and to itself when its pager is stopped', async () => {
    const made = await scene('abc..0de....fghi');
    const { pager, vmm } = await clone(made, [
      ...['check', '0', '1', 'remove', '1', '2', 'say', 'go', 'wait', 'zeroes', '1', '2'],
      ...['check', '2', '16'],
    ]);
    await vmm.said('go');
    pager.stop();
    expect(await pager.done).toMatchObject({ reason: 'detached' });
    vmm.go();
    expect(await vmm.ended).toMatchObject(GOOD);
  });

  it('is fetched from a server by one of the clones alone', async () => {
    const made = await scene('ab.c'.repeat(150));
    compactMemory(made.memoryPath, made.path('compact'));
    const file = readFileSync(made.path('compact'));
    let bytes = 0;
    const server = createServer((request, response) => {
      const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
      const start = from === '' ? file.length - Number(to) : Number(from);
      const end = from === '' ? file.length : Number(to) + 1;
      bytes += end - start;
      response.writeHead(206, { 'content-range': `bytes ${start}-${end - 1}/${file.length}` });
      response.end(file.subarray(start, end));
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const memoryPath = `http://127.0.0.1:${(server.address() as AddressInfo).port}/memory`;
    const fetched: number[] = [];
    const clones: Clone[] = [];
    for (let n = 0; n < 2; n++) {
      bytes = 0;
      clones.push(await clone(made, ['check', '0', '600', 'say', 'up', 'wait'], { memoryPath }));
      await clones[n]!.vmm.said('up');
      fetched.push(bytes);
    }
    for (const { vmm } of clones) {
      vmm.go();
      expect(await vmm.ended).toMatchObject(GOOD);
    }
    expect(fetched[0]! - fetched[1]!).toBeGreaterThan(file.length / 2);
  });

  it('lets the VM live when there is no room for more', async (context) => {
    const made = await scene('abcd'.repeat(64));
    const small = made.path('small');
    mkdirSync(small, { mode: 0o700 });
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128k,mode=700', 'tmpfs', small], {
        stdio: 'pipe',
      });
    } catch (error) {
      return context.skip(`no tmpfs of our own: ${(error as Error).message.split('\n')[1]}`);
    }
    try {
      const sharedPath = join(small, 'shared');
      const { pager, vmm } = await clone(made, ['check', '0', '256'], {
        sharedPath,
        policy: 'all',
      });
      expect(await vmm.ended).toMatchObject(GOOD);
      const { shared, copied, prefetched } = await pager.done;
      expect(copied + prefetched).toBeGreaterThanOrEqual(256);
      expect(shared).toBeLessThanOrEqual(32);
    } finally {
      execFileSync('umount', [small]);
    }
  });
});

describe('what does not fit together', () => {
  it.each([
    ['the VMM does not map it', { REKINDLE_UFFD_SHARED: undefined }, {}, /did not map/],
    ['the pager was not told', {}, { sharedPath: undefined }, /was not told of any/],
  ])('ends the VM with one error when %s', async (_what, env, options, message) => {
    const made = await scene('abcd');
    const sharedPath = sharedPathFor(made);
    mkdirSync(SHARED_DIRECTORY, { recursive: true, mode: 0o700 });
    writeFileSync(sharedPath, Buffer.alloc(4 * 4096));
    const { sharedPath: _, ...rest } = { ...made, sharedPath, ...options };
    const pager = spawnPager('sharedPath' in options ? rest : { ...rest, sharedPath });
    pagers.push(pager);
    await pager.ready;
    const vmm = await startVmm(['--preload', made.socketPath, made.memoryPath, 'check', '0', '4'], {
      LD_PRELOAD: await buildPreload(),
      REKINDLE_UFFD_SOCKET: made.socketPath,
      REKINDLE_UFFD_RAM: made.memoryPath,
      REKINDLE_UFFD_SHARED: sharedPath,
      ...(env as Record<string, string>),
    });
    await expect(pager.done).rejects.toMatchObject({
      code: 'SHARED_MEMORY',
      message: expect.stringMatching(message),
    });
    expect((await vmm.ended).signal).toBe('SIGKILL');
    rmSync(sharedPath, { force: true });
  });

  it('refuses a file on a disk, one of another size, a directory of others, and the other loop', async () => {
    const made = await scene('abcd');
    const start = (sharedPath: string, more: Partial<PagerOptions> = {}): Promise<unknown> =>
      spawnPager({ ...made, sharedPath, ...more }).done;
    const onDisk = join(import.meta.dirname, '..', `shared-${process.pid}`, 'file');
    try {
      await expect(start(onDisk)).rejects.toMatchObject({
        code: 'SHARED_MEMORY',
        hint: expect.stringContaining('tmpfs'),
      });
    } finally {
      rmSync(join(onDisk, '..'), { recursive: true, force: true });
    }
    const sharedPath = sharedPathFor(made);
    writeFileSync(sharedPath, Buffer.alloc(4096));
    await expect(start(sharedPath)).rejects.toThrow(/4096 bytes, the memory 16384/);
    rmSync(sharedPath);
    mkdirSync(made.path('open'));
    execFileSync('chmod', ['777', made.path('open')]);
    await expect(start(made.path('open/file'))).rejects.toThrow(/others can write here/);
    await expect(start(sharedPath, { loop: 'typescript' })).rejects.toMatchObject({
      code: 'OPTIONS',
    });
  });

  it('gives another memory another file, and removes what a crash left behind', async () => {
    const [one, other] = [await scene('abcd'), await scene('abcd')];
    expect(sharedPathFor(one)).not.toBe(sharedPathFor(other));
    expect(sharedPathFor({ ...one, snapshotHash: 'ab' })).not.toBe(sharedPathFor(one));
    const left = join(SHARED_DIRECTORY, 'left-behind');
    writeFileSync(left, 'x');
    const { pager, vmm } = await clone(one, ['check', '0', '4']);
    expect(existsSync(left)).toBe(false);
    await vmm.ended;
    await pager.done;
  });
});
