// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CpioMember, writeCpio } from './initramfs-cpio.ts';

const cpio = spawnSync('cpio', ['--version']).status === 0;
if (!cpio) console.log('cpio is not installed: archives are not unpacked by it in this run');

/** What GNU cpio makes of an archive, as relative path -> content. */
function unpack(archive: Uint8Array): Map<string, string> {
  const directory = mkdtempSync(join(tmpdir(), 'rekindle-cpio-test-'));
  try {
    execFileSync('cpio', ['--extract', '--make-directories', '--quiet'], {
      cwd: directory,
      input: archive,
      // A warning on stderr is a failure of ours.
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const found = new Map<string, string>();
    for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
      const path = join(entry.parentPath, entry.name);
      const name = path.slice(directory.length + 1);
      if (entry.isDirectory()) found.set(name, 'directory');
      else if (entry.isSymbolicLink()) found.set(name, `-> ${readlinkSync(path)}`);
      else found.set(name, `${mode(path)} ${readFileSync(path).toString('hex')}`);
    }
    return found;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

const name = fc
  .stringMatching(/^[a-zA-Z0-9_.äß -]{1,30}$/)
  .filter((text) => !/^\.{1,2}$/.test(text));
const member = fc.oneof(
  fc.record({
    path: name,
    kind: fc.constant('file' as const),
    // 0o400: cpio must be able to read back what it wrote when not run by root.
    mode: fc.integer({ min: 0, max: 0o377 }).map((bits) => bits | 0o400),
    bytes: fc.uint8Array({ maxLength: 100 }),
  }),
  fc.record({ path: name, kind: fc.constant('directory' as const) }),
  fc.record({ path: name, kind: fc.constant('link' as const), target: name }),
);
const members = fc.uniqueArray(member, { selector: (one) => one.path, maxLength: 12 });

describe('writeCpio', () => {
  it.runIf(cpio)('writes what GNU cpio unpacks', () => {
    fc.assert(
      fc.property(members, (list) => {
        const wanted = list.map((one): [string, string] => {
          if (one.kind === 'directory') return [one.path, 'directory'];
          if (one.kind === 'link') return [one.path, `-> ${one.target}`];
          const bits = one.mode.toString(8);
          return [one.path, `${bits} ${Buffer.from(one.bytes).toString('hex')}`];
        });
        expect(unpack(writeCpio(list))).toEqual(new Map(wanted));
      }),
      { numRuns: 60 },
    );
  });

  it('gives the same bytes whatever the order', () => {
    fc.assert(
      fc.property(members, (list) => {
        expect(writeCpio([...list].reverse())).toEqual(writeCpio(list));
      }),
    );
  });

  it('writes the format byte for byte', () => {
    const file: CpioMember = {
      path: 'hi',
      kind: 'file',
      mode: 0o755,
      bytes: Buffer.from('yo!\n!'),
    };
    const expected = [
      '070701',
      '00000001',
      '000081ed',
      '00000000',
      '00000000',
      '00000001',
      '00000000',
      '00000005',
      '00000000',
      '00000000',
      '00000000',
      '00000000',
      '00000003',
      '00000000',
      'hi\0\0\0\0', // 110 + 3, padded to 116
      'yo!\n!\0\0\0',
      '070701',
      '00000000',
      '00000000',
      '00000000',
      '00000000',
      '00000001',
      '00000000',
      '00000000',
      '00000000',
      '00000000',
      '00000000',
      '00000000',
      '0000000b',
      '00000000',
      'TRAILER!!!\0\0\0\0',
    ].join('');
    expect(Buffer.from(writeCpio([file])).toString('latin1')).toBe(expected);
  });

  it('keeps its bytes: an archive of known members has a known hash', () => {
    const archive = writeCpio([
      { path: 'dev', kind: 'directory' },
      { path: 'dev/console', kind: 'device', major: 5, minor: 1 },
      { path: 'init', kind: 'file', mode: 0o755, bytes: Buffer.from('#!') },
    ]);
    expect(createHash('sha256').update(archive).digest('hex').slice(0, 16)).toMatchInlineSnapshot(
      `"bf5f06cd5728e116"`,
    );
  });

  it.each([
    ['/init', 'is not a relative path'],
    ['', 'is not a relative path'],
    ['a\0b', 'is not a relative path'],
    ['TRAILER!!!', 'is not a relative path'],
    ['x'.repeat(5000), 'is too long'],
  ])('refuses the path %.12j', (path, message) => {
    expect(() => writeCpio([{ path, kind: 'directory' }])).toThrow(message);
  });

  it('refuses a path that is there twice', () => {
    const one: CpioMember = { path: 'a', kind: 'directory' };
    expect(() => writeCpio([one, one])).toThrow('is there twice');
  });
});
