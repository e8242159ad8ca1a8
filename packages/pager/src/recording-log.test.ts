// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openRecording } from '@rekindle/jfr';
import { afterEach, describe, expect, it } from 'vitest';
import { spawnPager } from './index.ts';
import { drawMemory, runVmm, type Scene, startVmm } from './testing/guest.ts';

let made: Scene | undefined;
afterEach(() => made?.remove());

describe('the recording of a pager', () => {
  it('holds every fault and removal, and the JDK reads it', async () => {
    made = await drawMemory('abcd....', 'recording');
    const recordPath = made.path('pager.jfr');
    const regions = [{ guestPhysical: 0x100000, bytes: 8 * 4096, fileOffset: 0 }];
    const pager = spawnPager({ ...made, recordPath, regions });
    await pager.ready;
    const vmm = await runVmm([
      ...[made.socketPath, made.memoryPath, 'read', '0', '3', 'write', '5', '6'],
      ...['remove', '1', '3', 'zeroes', '1', '2'],
    ]);
    expect(vmm).toMatchObject({ code: 0, stderr: '' });
    const summary = await pager.done;

    const recording = await openRecording(readFileSync(recordPath));
    const faults = await recording.columns('rekindle.PageFault');
    const rows = Array.from({ length: faults.length }, (_, row) => [
      faults.numbers('guestPhysical')[row],
      faults.get('write').get(row),
      faults.text('action', row),
    ]);
    expect(rows).toEqual([
      [0x100000, false, 'copy'],
      [0x101000, false, 'copy'],
      [0x102000, false, 'copy'],
      [0x105000, true, 'zero'],
      [0x101000, false, 'zero'],
    ]);
    expect(faults.get('vcpuThread').get(0)).toBeGreaterThan(0);
    const stalled = Array.from(faults.numbers('duration')).reduce((sum, nanos) => sum + nanos, 0);
    expect(Math.abs(stalled - summary.stalled)).toBeLessThanOrEqual(faults.length);
    const removed = await recording.columns('rekindle.PagesRemoved');
    expect([...removed.numbers('guestPhysical')]).toEqual([0x101000]);
    expect([...removed.numbers('bytes')]).toEqual([8192]);

    const printed = execFileSync('jfr', ['summary', recordPath], { encoding: 'utf8' });
    expect(printed).toMatch(/rekindle\.PageFault +5 /);
    expect(printed).toMatch(/rekindle\.PagerSummary +1 /);
    expect(printed).toMatch(/rekindle\.ClockAnchor +1 /);
    const events = JSON.parse(
      execFileSync('jfr', ['print', '--json', '--events', 'rekindle.PagerSummary', recordPath], {
        encoding: 'utf8',
      }),
    );
    expect(events.recording.events[0].values).toMatchObject({
      faults: 5,
      copied: 3,
      zeroed: 2,
      wasted: -1,
      removed: 8192,
    });
  });
});

describe('a log whose disk is full', () => {
  it('ends at what it has, and its VM is served to the end (text)', async () => {
    made = await drawMemory('abcd'.repeat(1024), 'recording');
    const pager = spawnPager({ ...made, textLogPath: '/dev/full' });
    await pager.ready;
    const vmm = await runVmm([made.socketPath, made.memoryPath, 'check', '0', '4096']);
    expect(vmm).toMatchObject({ code: 0, stderr: '' });
    await expect(pager.done).rejects.toMatchObject({
      code: 'RECORDING',
      message: expect.stringMatching(/^\/dev\/full: it breaks off: ENOSPC/),
    });
    expect(pager.replaced).toBe(0);
  });

  it('ends at what it has, and leaves a VM that is to live on alone (recording)', async (context) => {
    made = await drawMemory('abcd'.repeat(2048), 'recording');
    const small = made.path('small');
    mkdirSync(small);
    try {
      const options = ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', small];
      execFileSync('mount', options, { stdio: 'pipe' });
    } catch (error) {
      return context.skip(`no tmpfs of our own: ${(error as Error).message.split('\n')[1]}`);
    }
    try {
      const pager = spawnPager({ ...made, recordPath: join(small, 'run.jfr') });
      await pager.ready;
      const vmm = await startVmm([
        ...[made.socketPath, made.memoryPath, 'check', '0', '8000', 'say', 'most', 'wait'],
        ...['check', '8000', '8192'],
      ]);
      await vmm.said('most');
      pager.stop();
      await expect(pager.done).rejects.toMatchObject({ code: 'RECORDING' });
      vmm.go();
      expect(await vmm.ended).toMatchObject({ code: 0, stderr: '' });
    } finally {
      execFileSync('umount', [small]);
    }
  });
});
