// SPDX-License-Identifier: Apache-2.0
// From a tree to an ext4 image, judged by e2fsprogs; and dated certificates, judged by keytool.
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as rest } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hashFile } from './cache.ts';
import { findTool, whichTool } from './cache-process.ts';
import { dateInodes } from './image-ext4.ts';
import { dateKeystore } from './image-keystore.ts';
import { furnishTree, imageEpoch, unpackTree, writeExt4 } from './image-tree.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rekindle-image-test-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const e2fsprogs = whichTool('mke2fs') !== undefined && whichTool('debugfs') !== undefined;
if (!e2fsprogs) console.log('no e2fsprogs: no image is written');
const keytool = whichTool('keytool') !== undefined;
if (!keytool) console.log('no keytool: no keystore is judged');

/** A little userland as a tar, with what a real one has: links, modes, host's leftovers. */
async function makeTar(): Promise<string> {
  const source = join(directory, 'source');
  await mkdir(join(source, 'etc'), { recursive: true });
  await mkdir(join(source, 'usr/share/doc/x'), { recursive: true });
  await mkdir(join(source, 'usr/sbin'), { recursive: true });
  await symlink('usr/sbin', join(source, 'sbin'));
  await writeFile(join(source, 'etc/hostname'), 'the-build-host\n');
  await writeFile(join(source, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\n');
  await writeFile(join(source, 'usr/share/doc/x/copyright'), 'long');
  await writeFile(join(source, 'usr/sbin/tool'), '#!/bin/sh\n', { mode: 0o755 });
  await writeFile(join(source, 'etc/shadow'), 'secret', { mode: 0o640 });
  const tar = join(directory, 'userland.tar');
  execFileSync('tar', ['-cf', tar, '-C', source, '.']);
  return tar;
}

async function makeImage(name: string, tar: string): Promise<string> {
  const tree = join(directory, name);
  const service = join(directory, 'service.sh');
  await writeFile(service, '#!/bin/sh\n');
  await unpackTree(tar, tree);
  await furnishTree(tree, [{ from: service, to: '/sbin/service', mode: 0o755 }]);
  const image = join(directory, `${name}.ext4`);
  await writeExt4(tree, image, { spareMiB: 1 });
  return image;
}

const debugfs = (image: string, request: string) =>
  execFileSync(findTool('debugfs'), ['-R', request, image], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });

describe.runIf(e2fsprogs)('an image', () => {
  it('is the same bytes when made again, later', async () => {
    const tar = await makeTar();
    const first = await makeImage('first', tar);
    await rest(1100); // ext4 keeps whole seconds in the fields that used to differ
    const second = await makeImage('second', tar);
    expect(await hashFile(second)).toBe(await hashFile(first));
  });

  it('is a sound file system of root’s files, dated, without the host’s', async () => {
    const image = await makeImage('image', await makeTar());
    execFileSync(findTool('e2fsck'), ['-fn', image], { stdio: 'ignore' }); // throws if not
    expect(debugfs(image, 'cat /etc/hostname')).toBe('rekindle\n');
    expect(debugfs(image, 'cat /usr/sbin/service')).toBe('#!/bin/sh\n');
    expect(debugfs(image, 'ls -p /usr/share')).not.toContain('doc');
    for (const [path, mode] of [
      ['/etc/shadow', '0640'],
      ['/usr/sbin/tool', '0755'],
      ['/tmp', '01777'],
    ]) {
      const stat = debugfs(image, `stat ${path}`);
      expect(stat).toMatch(new RegExp(`Mode: +0?${mode} `));
      expect(stat).toMatch(/User: +0 +Group: +0 /);
      const dates = [...stat.matchAll(/[acm]r?time: 0x([0-9a-f]+)/g)].map((m) => m[1]);
      expect(dates).toEqual(Array(4).fill(imageEpoch.toString(16)));
    }
    for (const mountPoint of ['overlay', 'rom', 'mnt', 'proc', 'sys', 'dev', 'run']) {
      expect(debugfs(image, `stat /${mountPoint}`)).toContain('Type: directory');
    }
  });

  it('that is none, or cut off, is refused', async () => {
    const image = await makeImage('image', await makeTar());
    await truncate(image, 6000);
    await expect(dateInodes(image, imageEpoch)).rejects.toMatchObject({ code: 'INPUT' });
    await writeFile(image, Buffer.alloc(8192));
    await expect(dateInodes(image, imageEpoch)).rejects.toThrow('not an ext4 image');
  });
});

/** A JKS keystore of certificates under these names, as installing ca-certificates-java makes. */
async function makeKeystore(aliases: readonly string[]): Promise<Buffer> {
  const store = join(directory, 'cacerts');
  const run = (...words: string[]) =>
    execFileSync('keytool', [...words, '-storepass', 'changeit'], { stdio: 'pipe' });
  const pairs = join(directory, 'pairs');
  const key = ['-keystore', pairs, '-alias', 'k'];
  run(
    '-genkeypair',
    ...key,
    '-keyalg',
    'EC',
    '-dname',
    'CN=x',
    '-storetype',
    'JKS',
    '-keypass',
    'changeit',
  );
  const certificate = join(directory, 'k.pem');
  run('-exportcert', ...key, '-file', certificate);
  const into = ['-keystore', store, '-storetype', 'JKS', '-noprompt', '-file', certificate];
  for (const alias of aliases) run('-importcert', '-alias', alias, ...into);
  return readFile(store);
}

describe.runIf(keytool)('a keystore', () => {
  it('is dated, ordered, and still whole to keytool', async () => {
    const bytes = await makeKeystore(['zebra', 'aardvark', 'mole']);
    const dated = dateKeystore(bytes, imageEpoch * 1000)!;
    expect(dated).toHaveLength(bytes.length);
    const path = join(directory, 'dated');
    await writeFile(path, dated);
    // keytool checks the digest against the password.
    const list = ['-list', '-keystore', path, '-storepass', 'changeit'];
    const text = execFileSync('keytool', list, {
      encoding: 'utf8',
      env: { ...process.env, TZ: 'UTC' },
    });
    expect(text.match(/^(\w+), Jan 1, 2000, trustedCertEntry/gm)).toEqual(
      ['aardvark', 'mole', 'zebra'].map((alias) => `${alias}, Jan 1, 2000, trustedCertEntry`),
    );
    expect(dateKeystore(dated, imageEpoch * 1000)).toEqual(dated);
  }, 60_000);

  it('that is none, cut off or altered never breaks the reader', async () => {
    const bytes = await makeKeystore(['one', 'two']);
    expect(
      dateKeystore(Buffer.from('PKCS12 or anything else, long enough to be'), 0),
    ).toBeUndefined();
    for (let length = 0; length < bytes.length; length++) {
      expect(dateKeystore(bytes.subarray(0, length), 0)).toBeUndefined();
    }
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 }), (at, value) => {
        const altered = Buffer.from(bytes);
        altered[at] = value;
        const dated = dateKeystore(altered, 0);
        expect(dated === undefined || dated.length === bytes.length).toBe(true);
      }),
      { numRuns: 500 },
    );
  }, 60_000);
});
