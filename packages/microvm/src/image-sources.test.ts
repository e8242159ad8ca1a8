// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { whichTool } from './cache-process.ts';
import { parseDepends, parseSimulation, resolvePackages } from './image-packages.ts';
import { parseOneLines, parseOsRelease, parseStanzas, withApt } from './image-sources.ts';

describe('package sources', () => {
  it('in deb822 style', () => {
    const text = [
      '# a comment',
      'Types: deb',
      'URIs: http://a.example/debian http://b.example/debian',
      'Suites: bookworm bookworm-updates',
      'Signed-By: /usr/share/keyrings/a.gpg',
      '',
      'Types: deb',
      '# URIs: http://commented.example',
      'URIs: http://c.example',
      'Signed-By:',
      ' -----BEGIN PGP PUBLIC KEY BLOCK-----',
    ].join('\n');
    expect(parseStanzas(text)).toEqual([
      {
        uris: ['http://a.example/debian', 'http://b.example/debian'],
        key: '/usr/share/keyrings/a.gpg',
      },
      { uris: ['http://c.example'], key: '' },
    ]);
  });

  it('in one-line style', () => {
    const text = [
      'deb http://a.example/ubuntu jammy main universe',
      '# deb http://commented.example jammy main',
      'deb [arch=amd64 signed-by=/usr/share/keyrings/b.gpg] http://b.example/ubuntu jammy main',
      'deb-src http://a.example/ubuntu jammy main',
    ].join('\n');
    expect(parseOneLines(text)).toEqual([
      { uris: ['http://a.example/ubuntu'], key: '' },
      { uris: ['http://b.example/ubuntu'], key: '/usr/share/keyrings/b.gpg' },
    ]);
  });

  it('belong to the release that /etc/os-release names', () => {
    const text =
      'PRETTY_NAME="Ubuntu 24.04"\nID=ubuntu\nVERSION_CODENAME=noble\n# x\nHOME_URL=\'u\'\n';
    expect(parseOsRelease(text)).toEqual({
      PRETTY_NAME: 'Ubuntu 24.04',
      ID: 'ubuntu',
      VERSION_CODENAME: 'noble',
      HOME_URL: 'u',
    });
  });
});

describe('packages', () => {
  it('as apt would install them, in order of name', () => {
    const text = [
      'Reading package lists...',
      'Inst libc6 (2.36-9+deb12u10 Debian:12.11/oldstable [amd64])',
      'Inst base-files [12.4] (12.4+deb12u11 Debian:12.11/oldstable [amd64]) []',
      'Conf libc6 (2.36-9+deb12u10 Debian:12.11/oldstable [amd64])',
    ].join('\n');
    expect(parseSimulation(text)).toEqual([
      { name: 'base-files', version: '12.4+deb12u11' },
      { name: 'libc6', version: '2.36-9+deb12u10' },
    ]);
  });

  it('that a package depends on: first alternatives, without versions', () => {
    expect(
      parseDepends('kmod, linux-base (>= 4.3~), initramfs-tools (>= 0.120+x) | dracut, a:any'),
    ).toEqual(['kmod', 'linux-base', 'initramfs-tools', 'a']);
    expect(parseDepends('')).toEqual([]);
  });
});

const apt = whichTool('apt-get') !== undefined;
if (!apt) console.log('no apt: the host as a source of packages is not tried');

describe.runIf(apt)('this host', () => {
  it('offers its own distribution and no third party', async () => {
    await withApt(async (options, sources) => {
      const release = parseOsRelease(readFileSync('/etc/os-release', 'utf8'));
      expect(sources.suite).toBe(release.VERSION_CODENAME);
      expect(sources.lines.length).toBeGreaterThan(0);
      for (const line of sources.lines) {
        expect(line).toMatch(new RegExp(`^deb (\\[\\S+\\] )?\\S+ ${sources.suite}[a-z/-]* \\S+`));
      }
      const packages = await resolvePackages([], options);
      expect(packages.map((one) => one.name)).toEqual(
        expect.arrayContaining(['apt', 'dpkg', 'libc6']),
      );
      await expect(resolvePackages(['no-such-package'], options)).rejects.toMatchObject({
        code: 'PACKAGE_MISSING',
      });
    });
  });
});
