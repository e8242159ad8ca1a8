// SPDX-License-Identifier: Apache-2.0
// Serving on demand, by either loop.
import { readFileSync } from 'node:fs';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildNative, TEST_VMM } from './native-build.ts';
import { runVmm, startVmm } from './testing/guest.ts';
import { LOOPS, servingWith } from './testing/serving.ts';

const DRAWING = 'abc..0de....fghi';

beforeAll(() => buildNative(TEST_VMM), 60_000);

describe.each(LOOPS)('serving (%s)', (loop) => {
  const { scene, pagerFor, session, clear } = servingWith(loop);
  afterEach(clear);

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
      const flags = [...regions, '--fields', fields];
      const { vmm, summary } = await session(DRAWING, ['check', '0', '16'], flags);
      expect(vmm).toMatchObject({ code: 0, stderr: '' });
      expect(summary).toMatchObject({ faults: 16 });
    }
  });

  it('takes a handshake in two parts, the descriptor with the second', async () => {
    const { vmm } = await session('abcd', ['check', '0', '4'], ['--split', '--no-thread-ids']);
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
