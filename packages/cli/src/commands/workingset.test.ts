// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PageFault } from '@rekindle/events';
import { memorySink, recorded, writeRecording } from '@rekindle/jfr';
import { decodeWorkingSet } from '@rekindle/pager';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { workingsetCommand } from './workingset.ts';

const PAGES = 64;
let folder: string;
const path = (...names: string[]): string => join(folder, ...names);

/** A snapshot of 64 pages, of which every fourth is zero. */
function drawSnapshot(name: string, byte: number): void {
  mkdirSync(path(name));
  const memory = Buffer.alloc(PAGES * 4096);
  for (let page = 0; page < PAGES; page++) {
    if (page % 4 !== 3) memory.fill(byte, page * 4096, (page + 1) * 4096);
  }
  writeFileSync(path(name, 'memory'), memory);
  const file = (name: string, sha256 = '0'.repeat(64), bytes = 1) => ({
    path: name,
    bytes,
    mtimeNs: '1',
    sha256,
  });
  const hash = createHash('sha256').update(memory).digest('hex');
  const manifest = {
    format: 1,
    created: '2026-01-01T00:00:00.000Z',
    machine: {
      engine: 'qemu',
      engineVersion: '7.2.22',
      accelerator: 'tcg',
      machineType: 'pc-q35-7.2',
      cpuModel: 'max',
      vcpus: 1,
      devices: [],
      regions: [{ guestPhysical: 0x100000, bytes: PAGES * 4096, fileOffset: 0 }],
      pageSize: 4096,
    },
    guest: { kernel: file('/vmlinuz'), initramfs: null, image: null, commandLine: 'quiet' },
    files: {
      state: file('state'),
      memory: { ...file('memory', hash, memory.length), dataBytes: memory.length },
      owners: null,
    },
    guestPorts: [8080],
    probe: null,
  };
  writeFileSync(path(name, 'manifest.json'), JSON.stringify(manifest));
}

/** A recording of a restore that touched pages in this order. */
function drawRun(name: string, pages: readonly number[]): string {
  const sink = memorySink();
  writeRecording(sink, {
    declarations: [PageFault],
    events: pages.map((page, index) =>
      recorded(PageFault, {
        startTime: index * 1000,
        duration: 500,
        guestPhysical: 0x100000 + page * 4096,
        hostVirtual: 0x7f0000000000 + page * 4096,
        write: false,
        action: 'copy',
        vcpuThread: 1,
        region: 0,
      }),
    ),
  });
  writeFileSync(path(name), sink.bytes());
  return path(name);
}

async function workingset(...args: string[]): Promise<string> {
  let out = '';
  vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  const command = workingsetCommand().exitOverride();
  for (const child of command.commands) child.exitOverride();
  await command.parseAsync(args, { from: 'user' });
  return out;
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rekindle-workingset-'));
  drawSnapshot('shop', 1);
  drawSnapshot('other', 2);
  drawRun('a.jfr', [9, 1, 2, 3, 40]);
  drawRun('b.jfr', [9, 2, 1, 3, 50]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

describe('rekindle workingset', () => {
  it('builds what every run touched, beside the snapshot and tied to it', async () => {
    const runs = [path('a.jfr'), path('b.jfr')];
    const out = await workingset('build', path('shop'), ...runs, '--threshold', '2');
    expect(out).toMatch(/^touched by any recording +6 /m);
    expect(out).toMatch(/^by at least 2 of 2 +4 /m);
    expect(out).toMatch(/^zero, in 1 runs +1 /m);
    const set = decodeWorkingSet(readFileSync(path('shop', 'working-set')), 'test');
    expect(set.runs).toEqual([
      { page: 9, pages: 1 },
      { page: 1, pages: 2 },
    ]);
    expect(set.zeroRuns).toEqual([{ page: 3, pages: 1 }]);
    expect(set.snapshotHash).toMatch(/^[0-9a-f]{64}$/);
  });

  it('takes what few runs touched, and another place, and tells figures to programs', async () => {
    const figures = JSON.parse(
      await workingset(
        ...['build', path('shop'), path('a.jfr'), path('b.jfr')],
        ...['--output', path('wide'), '--json'],
      ),
    );
    expect(figures).toMatchObject({ path: path('wide'), pages: 5, zeroPages: 1, zeroRuns: 1 });
    expect(existsSync(`${path('wide')}.tmp`)).toBe(false);
  });

  it('says how a set fits a further run', async () => {
    const out = await workingset('inspect', path('shop'), path('a.jfr'));
    expect(out).toMatch(/a\.jfr +5 +4 +100\.0 % +80\.0 % +0/);
    const { fits } = JSON.parse(
      await workingset(
        'inspect',
        path('wide'),
        path('a.jfr'),
        '--snapshot',
        path('shop'),
        '--json',
      ),
    );
    expect(fits[0]).toMatchObject({ precision: 5 / 6, recall: 1, wasted: 1 });
  });

  it('says what two sets share', async () => {
    const out = await workingset('diff', path('shop'), path('wide'));
    expect(out).toMatch(/^in both +4$/m);
    expect(out).toContain('Jaccard index 0.667');
    expect(out).not.toContain('different snapshots');
  });

  it('takes what came in a time, and refuses what is none', async () => {
    const build = (until: string): Promise<string> =>
      workingset(
        ...['build', path('shop'), path('a.jfr'), '--output', path('timed'), '--json'],
        ...['--until', until],
      );
    // A fault a microsecond.
    expect(JSON.parse(await build('0.002ms'))).toMatchObject({ pages: 3 });
    expect(JSON.parse(await build('1s'))).toMatchObject({ pages: 4 });
    await expect(build('soon')).rejects.toThrow(/settled or a time: 500ms/);
  });

  it('refuses the set of another snapshot, a damaged one, and what is no recording', async () => {
    await expect(
      workingset('inspect', path('shop', 'working-set'), '--snapshot', path('other')),
    ).rejects.toMatchObject({ code: 'WORKING_SET_FOREIGN' });
    writeFileSync(path('broken'), 'not a working set');
    await expect(workingset('inspect', path('broken'))).rejects.toMatchObject({
      code: 'WORKING_SET_INVALID',
    });
    await expect(workingset('build', path('shop'), path('shop', 'memory'))).rejects.toMatchObject({
      code: 'WORKING_SET_INVALID',
    });
    await expect(
      workingset('build', path('shop'), path('a.jfr'), '--threshold', '2'),
    ).rejects.toMatchObject({ code: 'OPTIONS' });
    await expect(workingset('inspect', path('wide'), path('a.jfr'))).rejects.toThrow(/snapshot/);
  });
});
