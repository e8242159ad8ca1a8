// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type CompactIndex,
  decodeIndex,
  decodeTrailer,
  encodeIndex,
  encodeTrailer,
} from './compact-format.ts';
import { compactMemory } from './compact-write.ts';
import { encodeWorkingSet, type PagerHandle, type PagerOptions, spawnPager } from './index.ts';
import { PagerError } from './pager-error.ts';
import { drawMemory, killPager, type Scene, startVmm } from './testing/guest.ts';

const scenes: Scene[] = [];
const pagers: PagerHandle[] = [];
const servers: Server[] = [];

afterEach(() => {
  for (const pager of pagers.splice(0)) pager.kill();
  for (const server of servers.splice(0)) server.close();
  for (const made of scenes.splice(0)) made.remove();
});

/** A memory of which half is zero and some pages are equal, and its compact form. */
async function scene(pages = 600): Promise<Scene & { compactPath: string }> {
  const made = await drawMemory('ab.c0'.repeat(pages / 5), 'compact');
  scenes.push(made);
  // drawMemory makes every page different: make every tenth equal to the first.
  const memory = readFileSync(made.memoryPath);
  for (let page = 0; page < pages; page += 10) memory.copy(memory, page * 4096, 0, 4096);
  writeFileSync(made.memoryPath, memory);
  return { ...made, compactPath: made.path('compact') };
}

async function serve(made: Scene, options: Partial<PagerOptions>): Promise<PagerHandle> {
  const pager = spawnPager({ ...made, ...options });
  pagers.push(pager);
  await pager.ready;
  return pager;
}

/** A server that answers ranges of a file; `broken` says how it misbehaves. */
async function httpServer(
  path: string,
  broken: { status?: number; alter?: boolean; slow?: number } = {},
) {
  const counts = { requests: 0, bytes: 0, underWay: 0, most: 0, starts: [] as number[] };
  const file = readFileSync(path);
  const server = createServer((request, response) => {
    counts.requests++;
    const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const start = from === '' ? file.length - Number(to) : Number(from);
    const end = from === '' ? file.length : Number(to) + 1;
    const firstFrame = from === '0';
    if (broken.status !== undefined && firstFrame) {
      response.writeHead(broken.status).end();
      return;
    }
    const body = Buffer.from(file.subarray(start, end));
    if (broken.alter === true && firstFrame) body[0]! ^= 1;
    counts.bytes += body.length;
    counts.starts.push(start);
    counts.most = Math.max(counts.most, ++counts.underWay);
    response.writeHead(206, { 'content-range': `bytes ${start}-${end - 1}/${file.length}` });
    setTimeout(() => {
      counts.underWay--;
      response.end(body);
    }, broken.slow ?? 0);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/memory`, counts };
}

const indexes = fc
  .record({
    distinct: fc.integer({ min: 0, max: 300 }),
    entries: fc.array(fc.nat(), { minLength: 1, maxLength: 400 }),
    framePages: fc.constantFrom(1, 7, 64),
  })
  .map(({ distinct, entries, framePages }): CompactIndex => {
    const frames = Array.from({ length: Math.ceil(distinct / framePages) }, (_, at) => ({
      offset: at * 100,
      bytes: 100,
      hash: new Uint8Array(createHash('sha256').update(String(at)).digest()),
    }));
    return {
      memoryBytes: entries.length * 4096,
      framePages,
      distinctPages: distinct,
      memoryHash: 'ab'.repeat(32),
      table: Uint32Array.from(entries, (entry) => entry % (distinct + 1)),
      frames,
    };
  });

describe('the compact form', () => {
  it('has an index that comes back as it was, and is refused when it does not hold together', () => {
    fc.assert(
      fc.property(indexes, fc.nat(), fc.integer({ min: 1, max: 255 }), (index, place, by) => {
        const bytes = encodeIndex(index);
        const end = index.frames.length * 100;
        expect(decodeIndex(bytes, end, 'test')).toEqual(index);
        const changed = bytes.slice();
        changed[place % bytes.length]! ^= by;
        try {
          const read = decodeIndex(changed, end, 'test');
          for (const entry of read.table) expect(entry).toBeLessThanOrEqual(read.distinctPages);
        } catch (error) {
          expect(error).toBeInstanceOf(PagerError);
        }
        expect(() => decodeIndex(bytes.subarray(0, -1), end, 'test')).toThrow(PagerError);
      }),
    );
  });

  it('answers any trailer with a PagerError unless it fits its file', () => {
    const trailer = {
      indexOffset: 1000,
      indexBytes: 10,
      indexLength: 100,
      indexHash: new Uint8Array(32),
    };
    const bytes = encodeTrailer(trailer);
    expect(decodeTrailer(bytes, 1074, 'test')).toEqual(trailer);
    expect(() => decodeTrailer(bytes, 1073, 'test')).toThrow(PagerError);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), (any) => {
        expect(() => decodeTrailer(any, 64, 'test')).toThrow(PagerError);
      }),
    );
  });

  it('stores zero pages not at all and equal pages once', async () => {
    const made = await scene();
    const result = compactMemory(made.memoryPath, made.compactPath);
    expect(result).toMatchObject({
      memoryBytes: 600 * 4096,
      zeroPages: 240,
      duplicatePages: 59,
      storedPages: 301,
      fileBytes: statSync(made.compactPath).size,
      memoryHash: createHash('sha256').update(readFileSync(made.memoryPath)).digest('hex'),
    });
    expect(result.fileBytes).toBeLessThan(60_000);
  });

  it('is not made of something that is no memory', () => {
    const directory = mkdtempSync(join(tmpdir(), 'rekindle-compact-'));
    writeFileSync(join(directory, 'odd'), 'odd');
    expect(() => compactMemory(join(directory, 'odd'), join(directory, 'out'))).toThrow(PagerError);
    rmSync(directory, { recursive: true });
  });
});

describe('serving a compact memory', () => {
  it('brings every page back on demand', async () => {
    const made = await scene();
    compactMemory(made.memoryPath, made.compactPath);
    const pager = await serve(made, { memoryPath: made.compactPath });
    const vmm = await startVmm([
      ...[made.socketPath, made.memoryPath, 'threads', '8', '0', '600', 'check', '0', '600'],
      ...['remove', '0', '50', 'zeroes', '0', '50'],
    ]);
    expect(await vmm.ended).toMatchObject({ code: 0, stderr: '' });
    expect(await pager.done).toMatchObject({ copied: 360, loop: 'native' });
  });

  it('prefetches it, whole or a working set', async () => {
    const made = await scene();
    compactMemory(made.memoryPath, made.compactPath);
    writeFileSync(
      made.path('ws'),
      encodeWorkingSet({
        pageSize: 4096,
        memoryBytes: 600 * 4096,
        snapshotHash: '',
        runs: [{ page: 300, pages: 2 }],
        zeroRuns: [{ page: 2, pages: 1 }],
        hotRuns: 1,
        statistics: { recordings: 1, threshold: 1, union: 3, chosen: 3, gap: 0 },
      }),
    );
    for (const [options, pages] of [
      [{ policy: 'all' }, 360],
      [{ workingSetPath: made.path('ws') }, 3],
    ] as const) {
      const pager = await serve(made, { memoryPath: made.compactPath, ...options });
      const vmm = await startVmm([
        ...[made.socketPath, made.memoryPath, 'wait', 'present', '300', '302', 'check', '0', '600'],
      ]);
      expect((await pager.resumable).pages).toBe(pages);
      vmm.go();
      expect(await vmm.ended).toMatchObject({ code: 0, stderr: '' });
      expect(await pager.done).toMatchObject({ prefetched: pages });
    }
  });

  it('goes on after its pager was killed', async () => {
    const made = await scene();
    compactMemory(made.memoryPath, made.compactPath);
    const pager = await serve(made, { memoryPath: made.compactPath });
    const vmm = await startVmm([
      ...[made.socketPath, made.memoryPath, 'check', '0', '100', 'say', 'half', 'wait'],
      ...['check', '0', '600'],
    ]);
    await vmm.said('half');
    killPager(pager);
    vmm.go();
    expect(await vmm.ended).toMatchObject({ code: 0, stderr: '' });
    await pager.done;
    expect(pager.replaced).toBe(1);
  });

  it('fetches it from a server, once: the second time the cache has it', async () => {
    const made = await scene();
    compactMemory(made.memoryPath, made.compactPath);
    const { url, counts } = await httpServer(made.compactPath);
    const cachePath = made.path('cache/memory');
    const fetched: number[] = [];
    for (let round = 0; round < 2; round++) {
      counts.bytes = 0;
      const pager = await serve(made, { memoryPath: url, cachePath });
      const vmm = await startVmm([made.socketPath, made.memoryPath, 'check', '0', '600']);
      expect(await vmm.ended).toMatchObject({ code: 0, stderr: '' });
      await pager.done;
      fetched.push(counts.bytes);
    }
    expect(fetched[0]).toBeGreaterThan(statSync(made.compactPath).size / 2);
    expect(fetched[1]).toBe(2 * 64); // the trailer: once for its size, once for itself
  });

  it('fetches a few frames at a time, and what a vCPU waits for before all that is fetched ahead', async () => {
    const pages = 64 * 60;
    const made = await drawMemory('x'.repeat(pages), 'compact');
    scenes.push(made);
    const compactPath = made.path('compact');
    compactMemory(made.memoryPath, compactPath);
    const { url, counts } = await httpServer(compactPath, { slow: 20 });
    writeFileSync(
      made.path('ws'),
      encodeWorkingSet({
        pageSize: 4096,
        memoryBytes: pages * 4096,
        snapshotHash: '',
        runs: [{ page: 0, pages: pages - 64 }],
        zeroRuns: [],
        hotRuns: 1,
        statistics: { recordings: 1, threshold: 1, union: pages, chosen: pages - 64, gap: 0 },
      }),
    );
    const options = {
      memoryPath: url,
      workingSetPath: made.path('ws'),
      policy: 'concurrent',
    } as const;
    const pager = await serve(made, options);
    // The last frame is in nobody's plan; the one before it is the last of the plan.
    const wanted = [pages - 1, pages - 65].flatMap((page) => ['check', `${page}`, `${page + 1}`]);
    const vmm = await startVmm([made.socketPath, made.memoryPath, 'pause', '30', ...wanted]);
    expect(await vmm.ended).toMatchObject({ code: 0, stderr: '' });
    await pager.done.catch(() => {});
    expect(counts.most).toBeLessThanOrEqual(12);
    expect(counts.most).toBeGreaterThanOrEqual(8);
    // The trailer twice and the index, then frames; the two that were waited for long before their turn.
    const frames = counts.starts.slice(3);
    const [last, before] = [...frames].sort((a, b) => b - a);
    expect(frames.indexOf(last!)).toBeLessThan(40);
    expect(frames.indexOf(before!)).toBeLessThan(50);
  });

  it.each([
    ['alters what it sends', { alter: true }, /hash differs/],
    ['refuses ranges', { status: 200 }, /answered 200 instead of 206/],
    ['fails', { status: 503 }, /answered 503/],
  ])('kills the VM with one error when the server %s', async (_what, broken, message) => {
    const made = await scene();
    compactMemory(made.memoryPath, made.compactPath);
    const { url } = await httpServer(made.compactPath, broken);
    const pager = await serve(made, { memoryPath: url });
    const vmm = await startVmm([made.socketPath, made.memoryPath, 'check', '0', '600']);
    await expect(pager.done).rejects.toThrow(message);
    expect(await vmm.ended).toMatchObject({ signal: 'SIGKILL' });
  });

  it('refuses a damaged file, a foreign one, and a server that is not there', async () => {
    const made = await scene();
    compactMemory(made.memoryPath, made.compactPath);
    const options = { ...made, memoryPath: made.compactPath };
    const foreign = spawnPager({ ...options, snapshotHash: 'cd'.repeat(32) });
    await expect(foreign.done).rejects.toThrow(/the snapshot has cdcdcd/);
    const file = readFileSync(made.compactPath);
    file[file.length - 100]! ^= 1;
    writeFileSync(made.compactPath, file);
    await expect(spawnPager(options).done).rejects.toThrow(/hash differs/);
    const gone = spawnPager({ ...made, memoryPath: 'http://127.0.0.1:9/memory' });
    await expect(gone.done).rejects.toMatchObject({ code: 'MEMORY_SOURCE' });
  });
});
