// SPDX-License-Identifier: Apache-2.0
// A pager from its start to the first page: what it refuses, and whom.
import { existsSync, statSync, truncateSync } from 'node:fs';
import { createConnection } from 'node:net';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildNative, TEST_VMM } from './native-build.ts';
import { startVmm } from './testing/guest.ts';
import { LOOPS, servingWith } from './testing/serving.ts';

beforeAll(() => buildNative(TEST_VMM), 60_000);

describe.each(LOOPS)('bad input (%s)', (loop) => {
  const { scene, start, pagerFor, clear } = servingWith(loop);
  afterEach(clear);

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
    const truncated = start(made);
    await expect(truncated.done).rejects.toMatchObject({ code: 'MEMORY_SOURCE' });
    const missing = start(made, { memoryPath: made.path('none') });
    await expect(missing.done).rejects.toThrow(/no such file/);
  });

  it('refuses a socket path that is taken or too long', async () => {
    const made = await scene('abcd');
    await pagerFor(made);
    expect(() => start(made)).toThrow(expect.objectContaining({ code: 'SOCKET_IN_USE' }) as Error);
    expect(statSync(made.socketPath).isSocket()).toBe(true);
    expect(() => start(made, { socketPath: `/tmp/${'long'.repeat(40)}` })).toThrow(
      expect.objectContaining({
        code: 'ENAMETOOLONG',
        hint: expect.stringContaining('107 bytes'),
      }) as Error,
    );
  });
});

describe.each(LOOPS)('a pager and its VMM (%s)', (loop) => {
  const { scene, start, pagerFor, clear } = servingWith(loop);
  afterEach(clear);

  it('lets a VMM start while it does', async () => {
    const made = await scene('abc..0de....fghi');
    const pager = start(made);
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
