// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { LoopKind, PagerHandle, PagerOptions } from './index.ts';
import { encodeWorkingSet, spawnPager } from './index.ts';
import { buildNative, TEST_VMM } from './native-build.ts';
import { drawMemory, runVmm, type Scene, startVmm } from './testing/guest.ts';

const scenes: Scene[] = [];
const pagers: PagerHandle[] = [];
let loop: LoopKind = 'native';

async function scene(drawing: string): Promise<Scene> {
  const made = await drawMemory(drawing);
  scenes.push(made);
  return made;
}

async function pagerFor(made: Scene, options: Partial<PagerOptions> = {}): Promise<PagerHandle> {
  const pager = spawnPager({
    socketPath: made.socketPath,
    memoryPath: made.memoryPath,
    handshakeTimeoutMs: 8000,
    loop,
    ...options,
  });
  pagers.push(pager);
  await pager.ready;
  return pager;
}

beforeAll(() => buildNative(TEST_VMM), 60_000);

afterEach(() => {
  for (const pager of pagers.splice(0)) pager.kill();
  for (const made of scenes.splice(0)) made.remove();
});

/** Serves one run of the stand-in VMM and returns both ends. */
async function session(drawing: string, args: readonly string[], options?: Partial<PagerOptions>) {
  const made = await scene(drawing);
  const pager = await pagerFor(made, options);
  const dashes = args.findIndex((arg) => !arg.startsWith('--') && !/^\d+$/.test(arg));
  const vmm = await runVmm([
    ...args.slice(0, dashes),
    made.socketPath,
    made.memoryPath,
    ...args.slice(dashes),
  ]);
  return { vmm, summary: await pager.done, made };
}

const DRAWING = 'abc..0de....fghi';

// Everything that can be seen from outside must be the same with either loop: each is the other's judge.
const LOOPS: readonly LoopKind[] = ['native', 'typescript'];

describe.each(LOOPS)('serving (%s)', (kind) => {
  beforeAll(() => {
    loop = kind;
  });

  it('brings every page back, holes and zero pages as zeroes', async () => {
    const { vmm, summary } = await session(DRAWING, ['check', '0', '16']);
    expect(vmm).toMatchObject({ code: 0, stderr: '' });
    expect(summary).toMatchObject({
      reason: 'vm-ended',
      loop,
      lost: 0,
      faults: 16,
      copied: 9,
      zeroed: 7,
      raced: 0,
      removed: 0,
    });
    expect(summary.stalled).toBeGreaterThan(0);
  });

  it('serves several regions, whatever page size fields the message has', async () => {
    const regions = ['--region', '16384', '--region', '32768', '--region', '16384'];
    for (const fields of ['both', 'kib', 'none']) {
      const args = [...regions, '--fields', fields, 'check', '0', '16'];
      const made = await scene(DRAWING);
      const pager = await pagerFor(made);
      const split = args.indexOf('check');
      const vmm = await runVmm([
        ...args.slice(0, split),
        made.socketPath,
        made.memoryPath,
        ...args.slice(split),
      ]);
      expect(vmm).toMatchObject({ code: 0, stderr: '' });
      expect(await pager.done).toMatchObject({ faults: 16 });
    }
  });

  it('takes a handshake in two parts, the descriptor with the second', async () => {
    const { vmm } = await session('abcd', ['--split', '--no-thread-ids', 'check', '0', '4']);
    expect(vmm).toMatchObject({ code: 0, stderr: '' });
  });

  it('gives zeroes for what the guest removed, and keeps what it wrote since', async () => {
    const { vmm, summary } = await session('abcdefgh', [
      ...['check', '0', '8', 'remove', '2', '6', 'zeroes', '2', '6'],
      ...['write', '3', '4', 'written', '3', '4', 'check', '6', '8'],
      ...['remove', '0', '1', 'remove', '7', '8', 'zeroes', '0', '1', 'zeroes', '7', '8'],
    ]);
    expect(vmm).toMatchObject({ code: 0, stderr: '' });
    expect(summary.removed).toBe(6 * 4096);
  });

  it('survives removals and faults of the same pages at the same time', async () => {
    const pages = 2000;
    const { vmm, summary } = await session('x'.repeat(pages), [
      ...['race', '0', `${pages}`, 'race', '0', `${pages}`, 'zeroes', '0', `${pages}`],
    ]);
    expect(vmm).toMatchObject({ code: 0, stderr: '' });
    expect(summary.removed).toBe(2 * pages * 4096);
  });

  it('serves many threads at once; the same page asked for twice is served once', async () => {
    const { vmm, summary } = await session('y'.repeat(512), [
      ...['threads', '16', '0', '512', 'check', '0', '512'],
    ]);
    expect(vmm).toMatchObject({ code: 0, stderr: '' });
    expect(summary.copied).toBe(512);
  });

  it('goes on when the VMM closes its socket, as Firecracker before 1.12 did', async () => {
    const { vmm, summary } = await session('abcd', ['hangup', 'pause', '50', 'check', '0', '4']);
    expect(vmm).toMatchObject({ code: 0, stderr: '' });
    expect(summary).toMatchObject({ reason: 'vm-ended', copied: 4 });
  });

  it('ends with a summary when the VMM is killed', async () => {
    const { vmm, summary } = await session('abcd', ['read', '0', '2', 'die']);
    expect(vmm.signal).toBe('SIGKILL');
    expect(summary).toMatchObject({ reason: 'vm-ended', faults: 2 });
  });

  it('never writes to the memory file', async () => {
    const made = await scene('abcd');
    const before = readFileSync(made.memoryPath);
    const pager = await pagerFor(made);
    await runVmm([made.socketPath, made.memoryPath, 'write', '0', '4', 'remove', '0', '2']);
    await pager.done;
    expect(readFileSync(made.memoryPath).equals(before)).toBe(true);
  });

  it('refuses a VMM that forks, and takes it down instead of letting it hang', async () => {
    const made = await scene('abcd');
    const pager = await pagerFor(made);
    const vmm = await startVmm([
      ...['--fork-events', made.socketPath, made.memoryPath, 'read', '0', '1', 'fork'],
      ...['pause', '3000'],
    ]);
    await expect(pager.done).rejects.toMatchObject({
      code: 'EVENT_UNSUPPORTED',
      message: expect.stringContaining('a fork of its guest memory'),
    });
    expect(await vmm.ended).toMatchObject({ signal: 'SIGKILL' });
  });

  it('ends with one error and the VM when the memory file is cut short under it', async () => {
    const made = await scene('abcdefgh');
    const pager = await pagerFor(made);
    const vmm = await startVmm([
      ...[made.socketPath, made.memoryPath, 'read', '0', '1', 'truncate', '8192', 'read', '6', '7'],
    ]);
    await expect(pager.done).rejects.toMatchObject({
      code: 'MEMORY_SIZE',
      message: expect.stringContaining('the VMM has 32768 bytes of memory, the snapshot has 8192'),
    });
    expect(await vmm.ended).toMatchObject({ signal: 'SIGKILL' });
  });

  it('leaves the VM complete and to itself when it is stopped', async () => {
    const made = await scene(DRAWING);
    const pager = await pagerFor(made);
    const vmm = await startVmm([
      ...[made.socketPath, made.memoryPath, 'read', '0', '1', 'say', 'go', 'wait'],
      ...['check', '0', '16'],
    ]);
    await vmm.said('go');
    pager.stop();
    expect(await pager.done).toMatchObject({ reason: 'detached', faults: 1 });
    vmm.go();
    expect(await vmm.ended).toMatchObject({ code: 0, stderr: '' });
  });

  it('writes the text log of fireCRaCer', async () => {
    const made = await scene('a.');
    const pager = await pagerFor(made, { textLogPath: made.path('log') });
    await runVmm([
      made.socketPath,
      made.memoryPath,
      ...['read', '0', '1', 'write', '1', '2', 'remove', '0', '1'],
    ]);
    await pager.done;
    expect(readFileSync(made.path('log'), 'utf8').split('\n')).toEqual([
      expect.stringMatching(
        /^UFFD_EVENT_PAGEFAULT \(r\): 0x[0-9a-f]{16} 0x[0-9a-f]{16} {2}Loading: 0x0{16} - 0x0{12}1000$/,
      ),
      expect.stringMatching(
        /^UFFD_EVENT_PAGEFAULT \(w\): .* {2}Zeroing: 0x0{12}1000 - 0x0{12}2000$/,
      ),
      expect.stringMatching(/^UFFD_EVENT_REMOVE: 0x0{16} - 0x0{12}1000$/),
      '',
    ]);
  });
});

describe.each(LOOPS)('prefetching (%s)', (kind) => {
  beforeAll(() => {
    loop = kind;
  });

  const workingSet = {
    pageSize: 4096,
    memoryBytes: 16 * 4096,
    snapshotHash: '',
    runs: [
      { page: 12, pages: 3 },
      { page: 0, pages: 2 },
    ],
    zeroRuns: [{ page: 3, pages: 2 }],
    hotRuns: 1,
    statistics: { recordings: 1, threshold: 1, union: 7, chosen: 7, gap: 0 },
  };

  for (const policy of ['prefetch', 'hybrid', 'concurrent'] as const) {
    it(`installs the working set (${policy}), then serves on demand`, async () => {
      const made = await scene(DRAWING);
      writeFileSync(made.path('ws'), encodeWorkingSet(workingSet));
      const pager = await pagerFor(made, { workingSetPath: made.path('ws'), policy });
      const vmm = await startVmm([
        ...[made.socketPath, made.memoryPath, 'wait', 'pause', '50'],
        ...['present', '12', '15', 'present', '0', '2', 'present', '3', '5'],
        ...['absent', '2', '3', 'absent', '5', '12', 'absent', '15', '16', 'check', '0', '16'],
      ]);
      const { pages } = await pager.resumable;
      if (policy === 'prefetch') expect(pages).toBe(7);
      vmm.go();
      expect(await vmm.ended).toMatchObject({ code: 0, stderr: '' });
      expect(await pager.done).toMatchObject({ prefetched: 7, faults: 9 });
    });
  }

  it('installs everything (all) across regions', async () => {
    const made = await scene(DRAWING);
    const pager = await pagerFor(made, { policy: 'all' });
    const vmm = await startVmm([
      ...['--region', '20480', '--region', '45056', made.socketPath, made.memoryPath, 'wait'],
      ...['present', '0', '3', 'present', '5', '8', 'present', '12', '16', 'check', '0', '16'],
    ]);
    expect((await pager.resumable).pages).toBe(10);
    vmm.go();
    expect(await vmm.ended).toMatchObject({ code: 0, stderr: '' });
    expect(await pager.done).toMatchObject({ prefetched: 10, faults: 6 });
  });

  it('skips what the guest touched or removed while it prefetches', async () => {
    const made = await scene('z'.repeat(4096));
    const pager = await pagerFor(made, { policy: 'all' });
    const vmm = await runVmm([
      ...[made.socketPath, made.memoryPath, 'write', '4000', '4096', 'remove', '3000', '3500'],
      ...[
        'pause',
        '100',
        'zeroes',
        '3000',
        '3500',
        'written',
        '4000',
        '4096',
        'check',
        '0',
        '3000',
      ],
    ]);
    expect(vmm).toMatchObject({ code: 0, stderr: '' });
    const summary = await pager.done;
    expect(summary.prefetched).toBeGreaterThan(3000);
  });

  it('refuses a working set of another snapshot', async () => {
    const made = await scene('abcd');
    writeFileSync(made.path('ws'), encodeWorkingSet(workingSet));
    const pager = await pagerFor(made, { workingSetPath: made.path('ws') });
    const vmm = await startVmm([made.socketPath, made.memoryPath, 'check', '0', '4']);
    await expect(pager.done).rejects.toMatchObject({ code: 'WORKING_SET_FOREIGN' });
    expect(await vmm.ended).toMatchObject({ signal: 'SIGKILL' });
  });
});

describe('bad input', () => {
  it('says so when no VMM comes, and leaves no socket behind', async () => {
    const made = await scene('abcd');
    const pager = await pagerFor(made, { handshakeTimeoutMs: 150 });
    await expect(pager.done).rejects.toMatchObject({ code: 'HANDSHAKE_TIMEOUT' });
    expect(existsSync(made.socketPath)).toBe(false);
  });

  it('ends at once when stopped before a VMM came', async () => {
    const made = await scene('abcd');
    const pager = await pagerFor(made);
    pager.stop();
    await expect(pager.done).rejects.toMatchObject({ code: 'HANDSHAKE_CLOSED' });
    expect(existsSync(made.socketPath)).toBe(false);
  });

  const refused: [string, string[], string][] = [
    ['garbage', ['send-fd', 'GET / HTTP/1.1', 'pause', '500'], 'HANDSHAKE_INVALID'],
    ['a message that never ends', ['send-fd', '[{"size":', 'pause', '3000'], 'HANDSHAKE_TIMEOUT'],
    ['a closed connection', ['send-fd', '[', 'hangup', 'pause', '500'], 'HANDSHAKE_CLOSED'],
    [
      'no descriptor',
      [
        'send',
        '[{"base_host_virt_addr":4096,"size":16384,"offset":0,"page_size":4096}]',
        'pause',
        '3000',
      ],
      'HANDSHAKE_TIMEOUT',
    ],
  ];
  for (const [what, actions, code] of refused) {
    it(`refuses ${what}`, async () => {
      const made = await scene('abcd');
      const pager = await pagerFor(made, { handshakeTimeoutMs: 700 });
      const vmm = await startVmm([made.socketPath, made.memoryPath, ...actions]);
      await expect(pager.done).rejects.toMatchObject({ code });
      vmm.child.kill();
      await vmm.ended;
    });
  }

  it('refuses a memory that is not as large as the VM', async () => {
    const made = await scene('abcd');
    const pager = await pagerFor(made);
    const vmm = await startVmm(['--region', '8192', made.socketPath, made.memoryPath, 'wait']);
    await expect(pager.done).rejects.toMatchObject({ code: 'MEMORY_SIZE' });
    vmm.child.kill();
  });

  it('refuses a truncated memory file and a missing one', async () => {
    const made = await scene('abcd');
    truncateSync(made.memoryPath, 10_000);
    const truncated = spawnPager({ socketPath: made.socketPath, memoryPath: made.memoryPath });
    await expect(truncated.done).rejects.toMatchObject({ code: 'MEMORY_SOURCE' });
    const missing = spawnPager({ socketPath: made.socketPath, memoryPath: made.path('none') });
    await expect(missing.done).rejects.toThrow(/no such file/);
  });

  it('refuses a socket path that is taken or too long', async () => {
    const made = await scene('abcd');
    await pagerFor(made);
    expect(() => spawnPager({ ...made })).toThrow(
      expect.objectContaining({ code: 'SOCKET_IN_USE' }) as Error,
    );
    expect(statSync(made.socketPath).isSocket()).toBe(true);
    expect(() => spawnPager({ ...made, socketPath: `/tmp/${'long'.repeat(40)}` })).toThrow(
      expect.objectContaining({
        code: 'ENAMETOOLONG',
        hint: expect.stringContaining('107 bytes'),
      }) as Error,
    );
  });

  it('lets a VMM start while it does', async () => {
    const made = await scene(DRAWING);
    const pager = spawnPager({ ...made });
    pagers.push(pager);
    // Not ready yet: the connection waits.
    const vmm = await startVmm([made.socketPath, made.memoryPath, 'check', '0', '16']);
    expect(await vmm.ended).toMatchObject({ code: 0, stderr: '' });
    expect(await pager.done).toMatchObject({ faults: 16 });
  });

  it('refuses a second VMM', async () => {
    const made = await scene('abcd');
    const pager = await pagerFor(made);
    const vmm = await startVmm([made.socketPath, made.memoryPath, 'say', 'up', 'wait']);
    await pager.connected;
    const error = await new Promise((resolve) => {
      createConnection(made.socketPath).on('error', resolve);
    });
    expect(error).toMatchObject({ code: 'ENOENT' });
    vmm.go();
    expect(await vmm.ended).toMatchObject({ code: 0 });
    await pager.done;
  });

  it('kills the VM when the pager is killed: it would only hang', async () => {
    const made = await scene('abcd');
    const pager = await pagerFor(made);
    const vmm = await startVmm([
      ...[
        made.socketPath,
        made.memoryPath,
        'read',
        '0',
        '1',
        'say',
        'up',
        'wait',
        'read',
        '1',
        '4',
      ],
    ]);
    await vmm.said('up');
    pager.kill();
    await expect(pager.done).rejects.toMatchObject({ code: 'PAGER_DIED' });
    expect(await vmm.ended).toMatchObject({ signal: 'SIGKILL' });
  });
});
