// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as rest } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cached, cacheKey, listCache } from './cache.ts';
import { runCommand } from './cache-process.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'rekindle-cache-test-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const inputs = { greeting: 'hello' };
const write = (text: string) => async (directory: string) => {
  await writeFile(join(directory, 'file'), text);
  return { length: text.length };
};
const options = () => ({ cacheDirectory: root });
const left = async (kind: string) =>
  existsSync(join(root, kind)) ? await readdir(join(root, kind)) : [];

describe('a cache entry', () => {
  it('is made once, then found', async () => {
    const first = await cached('thing', inputs, write('hello'), options());
    const second = await cached('thing', inputs, write('other'), options());
    expect(first.reused).toBe(false);
    expect(second.reused).toBe(true);
    expect(await readFile(join(second.directory, 'file'), 'utf8')).toBe('hello');
    expect(second.record.facts).toEqual({ length: 5 });
    // sha256sum of "hello"
    expect(second.record.files.file?.sha256).toMatch(/^2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c/);
    expect(await left('tmp')).toEqual([]);
    expect((await listCache('thing', root)).map((entry) => entry.record.key)).toEqual([
      cacheKey(inputs),
    ]);
  });

  it('has a key that does not depend on the order of members, but on everything else', () => {
    expect(cacheKey({ a: 1, b: { c: 2, d: 3 } })).toBe(cacheKey({ b: { d: 3, c: 2 }, a: 1 }));
    expect(cacheKey({ a: [1, 2] })).not.toBe(cacheKey({ a: [2, 1] }));
    expect(cacheKey({ a: 1 })).not.toBe(cacheKey({ a: '1' }));
  });

  it('that is damaged is made again', async () => {
    const first = await cached('thing', inputs, write('hello'), options());
    await truncate(join(first.directory, 'file'), 2);
    const second = await cached('thing', inputs, write('hello'), options());
    expect(second.reused).toBe(false);
    expect(await readFile(join(second.directory, 'file'), 'utf8')).toBe('hello');
  });

  it('made by two at once is whole, and both have it', async () => {
    const slowly = async (directory: string) => {
      await rest(20);
      await write('hello')(directory);
    };
    const both = await Promise.all([
      cached('thing', inputs, slowly, options()),
      cached('thing', inputs, slowly, options()),
    ]);
    for (const { directory } of both) {
      expect(await readFile(join(directory, 'file'), 'utf8')).toBe('hello');
    }
    expect(await left('tmp')).toEqual([]);
  });
});

describe('a build that fails', () => {
  it('leaves nothing and passes its error on', async () => {
    const failing = async (directory: string) => {
      await write('half')(directory);
      throw new Error('the mirror is down');
    };
    await expect(cached('thing', inputs, failing, options())).rejects.toThrow('mirror is down');
    expect(await left('thing')).toEqual([]);
    expect(await left('tmp')).toEqual([]);
  });

  // /dev/full answers every write as a full disk does.
  it('for a full disk says so, whether Node or a tool ran into it', async () => {
    const full = { code: 'DISK_FULL', hint: expect.stringContaining('XDG_CACHE_HOME') };
    const byNode = () => writeFile('/dev/full', 'x');
    await expect(cached('thing', inputs, byNode, options())).rejects.toMatchObject(full);
    const byTool = () => runCommand(['dd', 'if=/dev/zero', 'of=/dev/full', 'count=1']);
    await expect(cached('thing', inputs, byTool, options())).rejects.toMatchObject(full);
    expect(await left('tmp')).toEqual([]);
  });
});

/** A process that builds for ever: prints the pid of the tool it runs. Runs from dist. */
function builder(): ChildProcess {
  const module = (name: string) =>
    JSON.stringify(new URL(`../dist/${name}`, import.meta.url).pathname);
  const script = `
    import { cached } from ${module('cache.js')};
    import { runCommand } from ${module('cache-process.js')};
    import { writeFileSync } from 'node:fs';
    await cached('thing', ${JSON.stringify(inputs)}, async (directory) => {
      writeFileSync(directory + '/half', 'half');
      const onLine = (line) => console.log(line);
      await runCommand(['sh', '-c', 'echo $$ >&2; sleep 1000 & wait'], { onLine });
    }, { cacheDirectory: ${JSON.stringify(root)} });`;
  return spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function startBuilder(): Promise<{ child: ChildProcess; tool: number }> {
  const child = builder();
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  return { child, tool: Number(line.toString()) };
}

/** Ended; whether its new parent has read its exit code yet is not our concern. */
async function ended(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 100; tries++) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    if (stat === '' || stat.split(' ')[2] === 'Z') return true;
    await rest(20);
  }
  return false;
}

describe('an interrupted build', () => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    it(`(${signal}) leaves neither files nor processes, and dies of the signal`, async () => {
      const { child, tool } = await startBuilder();
      child.kill(signal);
      const [, diedOf] = await once(child, 'exit');
      expect(diedOf).toBe(signal);
      expect(await ended(tool)).toBe(true);
      expect(await left('tmp')).toEqual([]);
      expect(await left('thing')).toEqual([]);
    });
  }

  it('(SIGKILL) takes its tool along, and the next build clears away what it left', async () => {
    const { child, tool } = await startBuilder();
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await ended(tool)).toBe(true);
    expect(await left('tmp')).toHaveLength(1);
    await cached('thing', inputs, write('hello'), options());
    expect(await left('tmp')).toEqual([]);
  });

  it('(AbortSignal) rejects and leaves nothing', async () => {
    const abort = new AbortController();
    const forever = () => runCommand(['sleep', '1000'], { signal: abort.signal });
    const build = cached('thing', inputs, forever, options());
    setTimeout(() => abort.abort(), 50);
    await expect(build).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await left('tmp')).toEqual([]);
  });

  it('of a process that still lives is left alone', async () => {
    const other = join(root, 'tmp', `thing-0-${process.ppid}.1`);
    await mkdir(other, { recursive: true });
    await cached('thing', inputs, write('hello'), options());
    expect(existsSync(other)).toBe(true);
  });
});

describe('a tool', () => {
  it('that is missing is named with the package to install', async () => {
    await expect(runCommand(['no-such-tool-here'])).rejects.toMatchObject({
      code: 'TOOL_MISSING',
      hint: 'sudo apt-get install no-such-tool-here',
    });
  });

  it('that fails is quoted', async () => {
    await expect(runCommand(['sh', '-c', 'echo the reason >&2; exit 3'])).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
      message: expect.stringMatching(/failed \(3\):\nthe reason/),
    });
  });
});
