// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CacheEntry } from './cache.ts';
import { whichTool } from './cache-process.ts';
import { guestDirectory } from './image-programs.ts';
import { describeService, ensureService } from './image-service.ts';

const services = (await readdir(join(guestDirectory, 'service'), { withFileTypes: true }))
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'rekindle-service-test-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** A userland without any jar. */
function emptyUserland(): CacheEntry {
  mkdirSync(join(root, 'tree/usr/share/java'), { recursive: true });
  execFileSync('tar', ['-cf', join(root, 'userland.tar'), '-C', join(root, 'tree'), '.']);
  const record = {
    kind: 'userland',
    key: 'k',
    created: '',
    seconds: 0,
    inputs: null,
    files: {},
    facts: null,
  };
  return { directory: root, record, reused: true, seconds: 0 };
}

describe('a service', () => {
  it.each(services)('%s describes itself', async (name) => {
    const service = await describeService(name);
    const source = `service/${name}/src/${service.main.replaceAll('.', '/')}.java`;
    expect(existsSync(join(guestDirectory, source)), source).toBe(true);
    expect(Number(service.release)).toBeGreaterThanOrEqual(8);
    expect(service.options.every((option) => option.startsWith('-'))).toBe(true);
    expect(new Set(service.jars).size).toBe(service.jars.length);
    expect(service.jars.length === 0 || service.packages.length > 0).toBe(true);
  });

  it('that is not there is answered with those that are', async () => {
    await expect(describeService('../init')).rejects.toMatchObject({
      code: 'INPUT',
      hint: `There is ${services.sort().join(', ')}.`,
    });
  });

  const javac = whichTool('javac') !== undefined;
  if (!javac) console.log('no javac: services are not compiled');

  it.runIf(javac)('is compiled with what its start needs', async () => {
    const options = { cacheDirectory: join(root, 'cache') };
    const service = await describeService('orders');
    const { directory } = await ensureService(service, emptyUserland(), options);
    expect(await readFile(join(directory, 'main'), 'utf8')).toBe('dev.rekindle.demo.Orders\n');
    expect(await readFile(join(directory, 'arguments'), 'utf8')).toMatch(
      /^-cp \/opt\/rekindle\/classes$/m,
    );
    expect(existsSync(join(directory, 'classes/dev/rekindle/demo/Orders.class'))).toBe(true);
  });

  it.runIf(javac)(
    'whose jars the release does not have is named, and nothing is kept',
    async () => {
      const options = { cacheDirectory: join(root, 'cache') };
      const service = await describeService('tomcat');
      await expect(ensureService(service, emptyUserland(), options)).rejects.toMatchObject({
        code: 'PACKAGE_MISSING',
        message: expect.stringContaining('/usr/share/java/aopalliance.jar'),
      });
      expect(await readdir(join(root, 'cache/service'))).toEqual([]);
      expect(await readdir(join(root, 'cache/tmp'))).toEqual([]);
    },
  );
});
