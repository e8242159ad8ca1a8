// SPDX-License-Identifier: Apache-2.0
// What the pager does is tested where it lives; here only what the command adds.
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { pagerCommand } from './pager.ts';

let folder: string;
const path = (name: string): string => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rekindle-pager-'));
  const memory = Buffer.alloc(64 * 4096);
  memory.fill(1, 0, 4096);
  memory.fill(1, 4096, 8192);
  memory.fill(2, 8192, 12288);
  writeFileSync(path('memory'), memory);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

async function pager(...args: string[]): Promise<string> {
  let out = '';
  vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  const command = pagerCommand().exitOverride();
  for (const child of command.commands) child.exitOverride();
  await command.parseAsync(args, { from: 'user' });
  return out;
}

const serve = (...more: string[]): Promise<string> =>
  pager('serve', '--socket', path('socket'), '--memory', path('memory'), ...more);

describe('rekindle pager serve', () => {
  it('says so when no VMM comes, and leaves no socket', async () => {
    await expect(serve('--handshake-timeout', '200')).rejects.toMatchObject({
      code: 'HANDSHAKE_TIMEOUT',
      hint: expect.stringContaining('was the VMM started'),
    });
    expect(() => statSync(path('socket'))).toThrow(/ENOENT/);
  });

  it('refuses policies and times that it does not know, and a manifest that is none', async () => {
    await expect(serve('--policy', 'magic')).rejects.toThrow(/Allowed choices are on-demand/);
    await expect(serve('--handshake-timeout', '0')).rejects.toThrow(/above 0/);
    await expect(serve('--policy', 'prefetch')).rejects.toMatchObject({ code: 'OPTIONS' });
    writeFileSync(path('manifest.json'), '{}');
    await expect(serve('--manifest', path('manifest.json'))).rejects.toMatchObject({
      code: 'LAYOUT',
    });
    await expect(serve('--manifest', path('none.json'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('rekindle pager serve, several sockets', () => {
  const several = (...more: string[]): Promise<string> =>
    pager('serve', '--socket', path('a'), path('b'), '--memory', path('memory'), ...more);

  it('waits for a VMM on each, and says of each how it ended', async () => {
    const work = several('--handshake-timeout', '200', '--json');
    await expect(work).rejects.toMatchObject({ code: 'HANDSHAKE_TIMEOUT' });
    for (const socket of ['a', 'b']) expect(() => statSync(path(socket))).toThrow(/ENOENT/);
  });

  it('begins with none when one cannot begin', async () => {
    writeFileSync(path('b'), 'something else');
    await expect(several()).rejects.toMatchObject({ code: 'SOCKET_IN_USE' });
    rmSync(path('b'));
    await expect.poll(() => existsSync(path('a'))).toBe(false);
  });

  it.each([
    [['--record', 'one.jfr'], '--record: one for each socket (2)'],
    [['--log', '1', '2', '3'], '--log: one for each socket (2)'],
    [['--working-set', '1', '2', '3'], '--working-set: one for all sockets, or one for each (2)'],
    [['--memory', 'y', '--diff', 'z'], '--diff and --manifest belong to one memory'],
  ])('refuses what does not go together: %s', async (flags, message) => {
    await expect(several(...flags)).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining(message),
    });
  });
});

describe('rekindle pager compact', () => {
  it('tells what it saved', async () => {
    const out = await pager('compact', path('memory'), path('compact'));
    expect(out).toMatch(/of 256 KiB; 61 zero pages, 1 equal to another, 2 stored$/m);
    const figures = JSON.parse(await pager('compact', path('memory'), path('compact'), '--json'));
    expect(figures).toMatchObject({ zeroPages: 61, duplicatePages: 1, storedPages: 2 });
    expect(statSync(path('compact')).size).toBe(figures.fileBytes);
  });

  it('refuses a level and a file that make no sense', async () => {
    await expect(pager('compact', path('memory'), path('x'), '--level', '20')).rejects.toThrow(
      /1 to 19/,
    );
    await expect(pager('compact', path('none'), path('x'))).rejects.toMatchObject({
      code: 'MEMORY_SOURCE',
    });
  });
});
