// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { whichTool } from './cache-process.ts';
import { modinfo, moduleName, orderModules, readModuleTree } from './kernel-modules.ts';

let tree: string;
beforeEach(async () => {
  tree = await mkdtemp(join(tmpdir(), 'rekindle-modules-test-'));
  await mkdir(join(tree, 'kernel'));
});
afterEach(() => rm(tree, { recursive: true, force: true }));

/** The strings of a .modinfo section between bytes that are not it. */
const module = (depends: readonly string[]) =>
  Buffer.from(
    `\x7fELF\x01code\0license=GPL\0depends=${depends.join(',')}\0retpoline=Y\0\0`,
    'latin1',
  );

async function plant(
  modules: Record<string, readonly string[]>,
  builtin: readonly string[] = [],
): Promise<void> {
  for (const [file, depends] of Object.entries(modules)) {
    await writeFile(join(tree, 'kernel', `${file}.ko`), module(depends));
  }
  const lines = builtin.map((name) => `kernel/${name}.ko\n`).join('');
  await writeFile(join(tree, 'modules.builtin'), lines);
}

const order = async (required: string[], optional: string[] = []) =>
  (await orderModules(await readModuleTree(tree), required, optional)).map((one) => one.name);

describe('orderModules', () => {
  it('loads what a module needs before it, each once', async () => {
    await plant({
      virtio: [],
      virtio_ring: ['virtio'],
      virtio_pci: ['virtio', 'virtio_ring'],
      virtio_net: ['virtio', 'net_failover', 'virtio_ring'],
      net_failover: ['failover'],
      failover: [],
    });
    expect(await order(['virtio_pci', 'virtio_net'])).toEqual([
      'virtio',
      'virtio_ring',
      'virtio_pci',
      'failover',
      'net_failover',
      'virtio_net',
    ]);
  });

  it('leaves out what the kernel has built in, as Ubuntu has virtio', async () => {
    await plant({ virtio_net: ['virtio'] }, ['drivers/virtio/virtio', 'drivers/block/virtio_blk']);
    expect(await order(['virtio_blk', 'virtio_net'])).toEqual(['virtio_net']);
  });

  it('takes a hyphen for an underscore', async () => {
    await plant({ 'virtio-rng': [] });
    expect(await order(['virtio_rng'])).toEqual(['virtio_rng']);
    expect(moduleName('kernel/drivers/virtio-rng.ko.zst')).toBe('virtio_rng');
  });

  it('goes without an optional module, not without a required one', async () => {
    await plant({ overlay: [] });
    expect(await order(['overlay'], ['vmgenid'])).toEqual(['overlay']);
    await expect(order(['overlay', 'virtio_blk'])).rejects.toMatchObject({
      code: 'MODULE_MISSING',
      message: expect.stringContaining('virtio_blk'),
    });
  });

  it('names who wanted a module that is missing', async () => {
    await plant({ virtio_net: ['net_failover'] });
    await expect(order(['virtio_net'])).rejects.toThrow('net_failover (wanted by virtio_net)');
  });

  for (const [tool, ending] of [
    ['xz', 'xz'],
    ['zstd', 'zst'],
    ['gzip', 'gz'],
  ] as const) {
    const present = whichTool(tool) !== undefined;
    if (!present) console.log(`${tool} is not installed: modules compressed by it are not tried`);
    it.runIf(present)(`reads modules compressed by ${tool}`, async () => {
      await plant({ a: ['b'] });
      await writeFile(join(tree, 'kernel', 'b.ko'), module([]));
      execFileSync(tool, ['-q', join(tree, 'kernel', 'a.ko')]);
      if (tool === 'zstd') await rm(join(tree, 'kernel', 'a.ko'));
      const found = await readModuleTree(tree);
      expect(found.files.get('a')).toBe(`kernel/a.ko.${ending}`);
      expect(await order(['a'])).toEqual(['b', 'a']);
    });
  }

  it('puts any acyclic set in an order that loads', async () => {
    const graph = fc
      .integer({ min: 1, max: 12 })
      .chain((size) =>
        fc.tuple(
          ...Array.from({ length: size }, (_, i) =>
            fc.subarray(Array.from({ length: i }, (__, j) => j)),
          ),
        ),
      );
    await fc.assert(
      fc.asyncProperty(graph, fc.integer({ min: 0, max: 11 }), async (edges, pick) => {
        await rm(join(tree, 'kernel'), { recursive: true });
        await mkdir(join(tree, 'kernel'));
        const modules = Object.fromEntries(
          edges.map((below, i) => [`m${i}`, below.map((j) => `m${j}`)]),
        );
        await plant(modules);
        const wanted = `m${pick % edges.length}`;
        const result = await order([wanted]);
        expect(result.at(-1)).toBe(wanted);
        expect(new Set(result).size).toBe(result.length);
        result.forEach((name, i) => {
          for (const needed of modules[name]!) expect(result.slice(0, i)).toContain(needed);
        });
      }),
      { numRuns: 40 },
    );
  });
});

describe('modinfo', () => {
  it('finds every value of a key and nothing in bytes without it', () => {
    const bytes = Buffer.from('\0alias=pci:a\0alias=pci:b\0depends=\0', 'latin1');
    expect(modinfo(bytes, 'alias')).toEqual(['pci:a', 'pci:b']);
    expect(modinfo(bytes, 'depends')).toEqual(['']);
    expect(modinfo(Buffer.from('\0depends=cut off'), 'depends')).toEqual(['cut off']);
    fc.assert(
      fc.property(fc.uint8Array(), (noise) => {
        expect(modinfo(noise, 'a key that is not there')).toEqual([]);
      }),
    );
  });
});
