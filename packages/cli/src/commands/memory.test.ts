// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bufferSource } from '@rekindle/bytes';
import { openRecording } from '@rekindle/jfr';
import { readCapture } from '@rekindle/memory';
import { assembleGuest } from '@rekindle/memory/testing';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { memoryCommand } from './memory.ts';

const folder = mkdtempSync(join(tmpdir(), 'rekindle-memory-'));
const path = (name: string) => join(folder, name);
writeFileSync(path('memory'), assembleGuest().bytes);
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

async function memory(...args: string[]): Promise<string> {
  let out = '';
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  await memoryCommand().exitOverride().parseAsync(args, { from: 'user' });
  return out;
}

describe('rekindle memory introspect', () => {
  it('prints processes, owners and files of a memory file', async () => {
    const out = await memory('introspect', path('memory'), '--files', '1');
    expect(out).toMatch(/^Linux 6\.1\.0-assembled, 3 tasks, page tables of 4 levels; read in /);
    expect(out).toMatch(/^ +1 +init +16 KiB +\/bin\/init$/m);
    expect(out).toMatch(/^free +64 +256 KiB$/m);
    expect(out).toMatch(/^all +512 +2\.0 MiB$/m);
    expect(out).toMatch(/^\/table +2 +0$/m);
    expect(out).toMatch(/^and 1 more$/m);
  });

  it('is JSON for programs', async () => {
    const figures = JSON.parse(
      await memory('introspect', path('memory'), '--json', '--files', '9'),
    );
    expect(figures).toMatchObject({
      kernelRelease: '6.1.0-assembled',
      jvmAreas: null,
      frames: 512,
      owners: { free: 64, 'page cache': 2 },
      processes: [{ pid: 1, residentPages: 4 }],
      files: [
        { file: '/table', pages: 2, mapped: 0 },
        { file: '/bin/init', pages: 1, mapped: 1 },
      ],
    });
  });

  it('writes a recording that says the same', async () => {
    await memory('introspect', path('memory'), '--output', path('owners.jfr'));
    const recording = await openRecording(bufferSource(readFileSync(path('owners.jfr'))));
    expect((await readCapture(recording))?.ownership.totals()).toMatchObject({ free: 64 });
  });

  it('says what is wrong with what is no snapshot', async () => {
    writeFileSync(path('text'), 'not a memory');
    const failure = (code: string) => expect.objectContaining({ code, hint: expect.any(String) });
    await expect(memory('introspect', path('text'))).rejects.toThrow(failure('no-btf'));
    await expect(memory('introspect', path('nowhere'))).rejects.toThrow(failure('ENOENT'));
    await expect(memory('introspect', folder)).rejects.toThrow(
      expect.objectContaining({ name: 'MicrovmError' }),
    );
  });
});

describe('rekindle memory capture', () => {
  it('says that there is no such VM', async () => {
    await expect(memory('capture', 'nobody-of-this-name')).rejects.toThrow(
      expect.objectContaining({ code: 'VM_NOT_FOUND' }),
    );
  });
});
