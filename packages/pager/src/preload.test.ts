// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { buildPreload, type PagerHandle, preloadLibraryPath, spawnPager } from './index.ts';
import { buildNative, PRELOAD } from './native-build.ts';
import { drawMemory, type Scene, startVmm, type VmmEnd } from './testing/guest.ts';

const scenes: Scene[] = [];
const pagers: PagerHandle[] = [];

afterEach(() => {
  vi.unstubAllEnvs();
  for (const pager of pagers.splice(0)) pager.kill();
  for (const made of scenes.splice(0)) made.remove();
});

async function scene(drawing: string): Promise<Scene> {
  const made = await drawMemory(drawing, 'preload');
  scenes.push(made);
  return made;
}

async function preloaded(
  made: Scene,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<VmmEnd> {
  const vmm = await startVmm(args, {
    LD_PRELOAD: await buildPreload(),
    REKINDLE_UFFD_SOCKET: made.socketPath,
    REKINDLE_UFFD_RAM: made.memoryPath,
    ...env,
  });
  return vmm.ended;
}

describe('the preload library', () => {
  it('hands a file mapping over to a pager and protects the file from punched holes', async () => {
    const made = await scene('abc..def');
    const before = readFileSync(made.memoryPath);
    const pager = spawnPager(made);
    pagers.push(pager);
    await pager.ready;
    const end = await preloaded(made, [
      ...['--preload', made.socketPath, made.memoryPath, 'check', '0', '8', 'write', '0', '2'],
      ...['remove', '5', '6', 'punch', '5', '6', 'zeroes', '5', '6', 'written', '0', '2'],
    ]);
    expect(end).toMatchObject({ code: 0, stderr: '' });
    expect(await pager.done).toMatchObject({ reason: 'vm-ended', removed: 4096 });
    expect(readFileSync(made.memoryPath).equals(before)).toBe(true);
  });

  it('hands several mappings over at once when together they are the whole file', async () => {
    const made = await scene('abcdefgh');
    const pager = spawnPager(made);
    pagers.push(pager);
    await pager.ready;
    const end = await preloaded(made, [
      ...['--region', '8192', '--region', '16384', '--region', '8192', '--preload'],
      ...[made.socketPath, made.memoryPath, 'check', '0', '8'],
    ]);
    expect(end).toMatchObject({ code: 0, stderr: '' });
    expect(await pager.done).toMatchObject({ faults: 8, copied: 8 });
  });

  it.each([
    ['nobody listens', [], {}, /no page-fault handler at .*No such file/],
    ['the mapping is shared', ['--shared'], {}, /mapped shared; use share=off/],
    ['the machine is larger than its RAM file', ['--region', '65536'], {}, /up to byte 65536/],
    [
      'the RAM file is missing',
      [],
      { REKINDLE_UFFD_RAM: '/nowhere' },
      /RAM file \/nowhere: No such/,
    ],
    ['only one variable is set', [], { REKINDLE_UFFD_RAM: undefined }, /set both/],
    [
      'the socket path is too long',
      [],
      { REKINDLE_UFFD_SOCKET: `/${'x'.repeat(120)}` },
      /longer than 107/,
    ],
  ])('ends the process with one line when %s', async (_what, options, env, line) => {
    const made = await scene('abcd');
    const end = await preloaded(
      made,
      [...options, '--preload', made.socketPath, made.memoryPath, 'check', '0', '4'],
      env as Record<string, string>,
    );
    expect(end.code).toBe(86);
    expect(end.stderr).toMatch(/^rekindle-preload: [^\n]+\n$/);
    expect(end.stderr).toMatch(line);
  });

  it('does nothing to a program that maps no RAM file', async () => {
    const made = await scene('abcd');
    const library = await buildPreload();
    const env = {
      ...process.env,
      LD_PRELOAD: library,
      REKINDLE_UFFD_SOCKET: made.socketPath,
      REKINDLE_UFFD_RAM: made.memoryPath,
    };
    const text = execFileSync('cat', [made.memoryPath], { env });
    expect(text.equals(readFileSync(made.memoryPath))).toBe(true);
  });
});

describe('building native parts', () => {
  it('goes into the cache under a hash, once, and leaves nothing half-made', async () => {
    const cache = mkdtempSync(join(tmpdir(), 'rekindle-cache-'));
    vi.stubEnv('XDG_CACHE_HOME', cache);
    try {
      const path = preloadLibraryPath();
      expect(path.startsWith(join(cache, 'rekindle', 'native'))).toBe(true);
      expect(await buildPreload()).toBe(path);
      expect(await buildPreload()).toBe(path);
      expect(readdirSync(dirname(path))).toEqual(['uffd-preload.so']);
      vi.stubEnv('CC', '/nowhere/cc');
      expect(preloadLibraryPath()).not.toBe(path);
      await expect(buildPreload()).rejects.toMatchObject({
        code: 'NATIVE_BUILD',
        hint: expect.stringContaining('install a C compiler'),
      });
      expect(readdirSync(dirname(preloadLibraryPath()))).toEqual([]);
      vi.stubEnv('CC', 'cc');
      const broken = { ...PRELOAD, flags: [...PRELOAD.flags, '-include', 'no-such-header.h'] };
      await expect(buildNative(broken)).rejects.toThrow(/no-such-header/);
    } finally {
      rmSync(cache, { recursive: true, force: true });
    }
  });
});
