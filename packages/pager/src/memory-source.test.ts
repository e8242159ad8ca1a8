// SPDX-License-Identifier: Apache-2.0
import { readFileSync, truncateSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { FileSource, type LoopKind, spawnPager } from './index.ts';
import { drawMemory, PAGE_BYTES, type Scene, startVmm } from './testing/guest.ts';

const scenes: Scene[] = [];

async function scene(drawing: string): Promise<Scene> {
  const made = await drawMemory(drawing, 'source');
  scenes.push(made);
  return made;
}

afterEach(() => {
  for (const made of scenes.splice(0)) made.remove();
});

/** What a source says of each page: the drawing's character, or a dot for zeroes. */
function redraw(source: FileSource): string {
  let drawing = '';
  for (let offset = 0; offset < source.bytes; offset += PAGE_BYTES) {
    drawing += source.isZero(offset, PAGE_BYTES) ? '.' : 'x';
  }
  return drawing;
}

describe('FileSource', () => {
  it('knows data, holes, and zeroes that are written out', async () => {
    const made = await scene('a.0b..');
    const source = new FileSource(made.memoryPath, 'populate');
    expect(redraw(source)).toBe('x..x..');
    expect(source.extents).toEqual([
      { start: 0, end: 4096 },
      { start: 8192, end: 16384 },
    ]);
    source.close();
    source.close();
  });

  it('maps what will be installed where the page cache has it', async () => {
    const made = await scene(`${'a'.repeat(32)}${'.'.repeat(32)}${'b'.repeat(32)}`);
    const source = new FileSource(made.memoryPath);
    const mapped = (): number => {
      const smaps = readFileSync('/proc/self/smaps', 'latin1').split(/^(?=[0-9a-f]+-)/m);
      const ours = smaps.find((entry) => entry.includes(made.memoryPath));
      return Number(/^Rss: +(\d+)/m.exec(ours ?? '')?.[1]) / 4;
    };
    expect(mapped()).toBe(0);
    source.readAhead([
      { start: 0, end: 3 * PAGE_BYTES },
      { start: 10 * PAGE_BYTES, end: 70 * PAGE_BYTES },
    ]);
    // The data of both runs and of the gap between them; the kernel maps a few neighbours with them.
    expect(mapped()).toBeGreaterThanOrEqual(32 + 6);
    source.close();
  });

  it('refuses a diff of another size and a missing one', async () => {
    const made = await scene('abcd');
    const other = await scene('ab');
    const withDiff = (path: string) => () => new FileSource(made.memoryPath, 'none', [path]);
    expect(withDiff(other.memoryPath)).toThrow(/the diff has 8192 bytes, the memory 16384/);
    expect(withDiff(made.path('none'))).toThrow(/no such file/);
    truncateSync(other.memoryPath, 100);
    expect(withDiff(other.memoryPath)).toThrow(/whole number of pages/);
  });
});

describe.each<LoopKind>(['native', 'typescript'])('layered snapshots (%s)', (loop) => {
  it('serve every page from the newest layer that has it', async () => {
    const pages = 200;
    const base = await scene('abcd.'.repeat(pages / 5));
    // Page 1 and 4 changed, page 2 became zero; and one long run, which is mapped instead of read.
    const first = await scene(`.X0.Y${'.'.repeat(pages - 5)}`);
    const second = await scene(`.Z${'.'.repeat(98)}${'w'.repeat(50)}${'.'.repeat(50)}`);
    const merged = await scene(`aZ0dY${'abcd.'.repeat(19)}${'w'.repeat(50)}${'abcd.'.repeat(10)}`);
    const pager = spawnPager({
      socketPath: base.socketPath,
      memoryPath: base.memoryPath,
      diffPaths: [first.memoryPath, second.memoryPath],
      loop,
    });
    await pager.ready;
    const vmm = await startVmm([base.socketPath, merged.memoryPath, 'check', '0', String(pages)]);
    expect(await vmm.ended).toMatchObject({ code: 0, stderr: '' });
    expect(await pager.done).toMatchObject({ faults: pages });
    // The base is as it was.
    const file = await open(base.memoryPath);
    const page = Buffer.alloc(PAGE_BYTES);
    await file.read(page, 0, PAGE_BYTES, PAGE_BYTES);
    await file.close();
    expect(page[100]).toBe('b'.charCodeAt(0));
  });
});
