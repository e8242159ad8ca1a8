// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import type { MachineStats } from './engine.ts';
import { watchSilence } from './silence.ts';

const children: ChildProcess[] = [];

/** A process that speaks when it has started and when it has worked for half a second. */
async function program() {
  const text = `
    console.log('up');
    process.stdin.once('data', () => {
      for (const end = Date.now() + 500; Date.now() < end; );
      console.log('worked');
    });`;
  const child = spawn(process.execPath, ['-e', text], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  await once(child.stdout, 'data');
  return { child, pid: child.pid ?? Number.NaN };
}

const says = (running: boolean) => async (): Promise<MachineStats> => ({
  running,
  memoryBytes: 0,
  residentBytes: 0,
  cpuSeconds: 0,
});

describe('what a silent VM did', () => {
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  it('says which thread worked, and what the VMM says of the guest', async () => {
    const { child, pid } = await program();
    const report = watchSilence({ pid, stats: says(true) });
    child.stdin.write('go\n');
    await once(child.stdout, 'data');
    expect(await report()).toMatch(
      /^its VMM used 0\.\d\d s of processor time meanwhile \(.*node 0\.\d\d s, state [RS].*\) and says that the guest runs$/,
    );
  });

  it('counts only what was used since', async () => {
    const { pid } = await program();
    const report = watchSilence({ pid, stats: says(false) });
    expect(await report()).toMatch(/^its VMM used 0\.0\d s .* and says that the guest is paused$/);
  });

  it('says that the VMM cannot be asked, or does not answer', async () => {
    const { pid } = await program();
    const refusing = watchSilence({ pid, stats: () => Promise.reject(new Error('QMP is closed')) });
    expect(await refusing()).toContain('cannot say whether the guest runs: QMP is closed');
    const mute = watchSilence({ pid, stats: () => new Promise(() => {}) });
    expect(await mute()).toContain('did not say within 2 s whether the guest runs');
  });

  it('says that the VMM has ended', async () => {
    const { child, pid } = await program();
    const report = watchSilence({ pid, stats: says(true) });
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await report()).toBe('its VMM has ended');
  });
});
