// SPDX-License-Identifier: Apache-2.0
// The lists of the cache, and what is refused before anything is built.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { imageCommand } from './image.ts';
import { kernelCommand } from './kernel.ts';

const folder = mkdtempSync(join(tmpdir(), 'rekindle-image-command-'));
const before = process.env.XDG_CACHE_HOME;

/** An entry as a build leaves it: a file of ten bytes and what it says of itself. */
function entry(kind: string, key: string, file: string, created: string, facts: unknown): string {
  const directory = join(folder, 'rekindle', kind, key);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, file), '0123456789');
  const files = { [file]: { bytes: 10, sha256: key.repeat(64).slice(0, 64) } };
  const record = { kind, key, created, seconds: 1, inputs: {}, files, facts };
  writeFileSync(join(directory, 'entry.json'), JSON.stringify(record));
  return join(directory, file);
}

beforeAll(() => {
  process.env.XDG_CACHE_HOME = folder;
  entry('image', 'a', 'root.ext4', '2026-01-01T00:00:00.000Z', { service: 'orders' });
  entry('image', 'b', 'root.ext4', '2026-01-02T00:00:00.000Z', { service: 'tomcat' });
  // Cut off after it was made: not whole, so not there.
  writeFileSync(entry('image', 'c', 'root.ext4', '2026-01-03T00:00:00.000Z', null), 'short');
  entry('kernel', 'd', 'vmlinuz', '2026-01-01T00:00:00.000Z', { release: '6.1.0-56-cloud-amd64' });
});
afterAll(() => {
  if (before === undefined) delete process.env.XDG_CACHE_HOME;
  else process.env.XDG_CACHE_HOME = before;
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => vi.restoreAllMocks());

async function run(command: Command, ...args: string[]): Promise<string> {
  let out = '';
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  for (const child of [command, ...command.commands]) child.exitOverride();
  await command.parseAsync(args, { from: 'user' });
  return out;
}

describe('rekindle image', () => {
  it('lists whole images, the newest first', async () => {
    const images = JSON.parse(await run(imageCommand(), 'list', '--json'));
    expect(images).toMatchObject([
      { service: 'tomcat', bytes: 10, hash: 'b'.repeat(64) },
      { service: 'orders', bytes: 10, hash: 'a'.repeat(64) },
    ]);
    expect(images).toHaveLength(2);
  });

  it('lists them as a table', async () => {
    const lines = (await run(imageCommand(), 'list')).trimEnd().split('\n');
    expect(lines[0]).toMatch(/^created +service +size +sha256 +path$/);
    expect(lines[2]).toMatch(/^2026-01-02 00:00:00 +tomcat +10 B +b{12} +\/.*root\.ext4$/);
    expect(lines).toHaveLength(4);
  });

  it('refuses what is no number and no service before it builds', async () => {
    await expect(run(imageCommand(), 'build', '--spare', '-1')).rejects.toThrow('whole number');
    await expect(run(imageCommand(), 'build', '--service', 'none')).rejects.toMatchObject({
      code: 'INPUT',
      hint: expect.stringContaining('orders'),
    });
  });
});

describe('rekindle kernel', () => {
  it('lists kernels', async () => {
    expect(JSON.parse(await run(kernelCommand(), 'list', '--json'))).toMatchObject([
      { release: '6.1.0-56-cloud-amd64', bytes: 10 },
    ]);
    expect(await run(kernelCommand(), 'list')).toMatch(/^6\.1\.0-56-cloud-amd64 +10 B +d{12} /m);
  });
});
