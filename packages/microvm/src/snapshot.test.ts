// SPDX-License-Identifier: Apache-2.0
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Machine } from './engine.ts';
import { type Manifest, parseManifest } from './manifest.ts';
import { writeMemoryFile } from './memory-file.ts';
import { openSnapshot, verifySnapshot } from './snapshot-read.ts';
import { writeSnapshot } from './snapshot-write.ts';

const PAGE = 4096;
let root: string;
let directory: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'snapshot-'));
  directory = join(root, 'shop.snapshot');
  writeFileSync(join(root, 'kernel'), 'a kernel');
  writeFileSync(
    join(root, 'ram'),
    Buffer.concat([Buffer.alloc(PAGE), Buffer.alloc(PAGE, 7), Buffer.alloc(PAGE)]),
  );
});
afterEach(() => rmSync(root, { recursive: true }));

/** A paused machine whose engine writes what a real one would. */
function machine(
  snapshot: Machine['snapshot'] = async ({ state, memory }) => {
    writeFileSync(state, 'device state');
    return writeMemoryFile(join(root, 'ram'), memory);
  },
): Machine {
  return {
    name: 'shop',
    identity: {
      engine: 'qemu',
      engineVersion: '7.2.22',
      accelerator: 'tcg',
      machineType: 'pc-q35-7.2',
      cpuModel: 'max,-la57',
      hostCpu: undefined,
      vcpus: 1,
      devices: ['virtio-net-pci'],
      regions: [{ guestPhysical: 0, bytes: 3 * PAGE, fileOffset: 0 }],
      pageSize: PAGE,
    },
    files: {
      kernel: { path: join(root, 'kernel') },
      initramfs: undefined,
      image: undefined,
      commandLine: 'quiet',
    },
    endpoints: [{ guestPort: 8080, host: '127.0.0.1', port: 1 }],
    snapshot,
  } as unknown as Machine;
}

const probe = { guestPort: 8080, path: '/' };

test('what is written is what is read: files, regions, hashes; the memory is sparse', async () => {
  writeFileSync(join(root, 'capture.jfr'), 'events');
  const manifest = await writeSnapshot(machine(), directory, {
    probe,
    owners: join(root, 'capture.jfr'),
  });
  const snapshot = openSnapshot(directory);
  expect(snapshot).toMatchObject({
    kind: 'rekindle',
    directory,
    owners: join(directory, 'owners.jfr'),
  });
  expect(snapshot.kind === 'rekindle' && snapshot.manifest).toEqual(
    JSON.parse(JSON.stringify(manifest)),
  );
  expect(manifest.files.memory).toMatchObject({ bytes: 3 * PAGE, dataBytes: PAGE });
  const quick = await verifySnapshot(directory);
  expect(quick.files.map(({ hashed }) => hashed)).toEqual([false, false, false, false]);
  const full = await verifySnapshot(directory, { hashes: true });
  expect(full.files.every(({ hashed }) => hashed)).toBe(true);
  expect(readdirSync(root).sort()).toEqual(['capture.jfr', 'kernel', 'ram', 'shop.snapshot']);
});

test('an existing snapshot is replaced only on request, a directory of something else never', async () => {
  await writeSnapshot(machine(), directory);
  const before = readFileSync(join(directory, 'manifest.json'), 'utf8');
  await expect(writeSnapshot(machine(), directory)).rejects.toMatchObject({
    code: 'SNAPSHOT_EXISTS',
  });
  expect(readFileSync(join(directory, 'manifest.json'), 'utf8')).toBe(before);
  await writeSnapshot(machine(), directory, { overwrite: true, probe });
  expect(readFileSync(join(directory, 'manifest.json'), 'utf8')).not.toBe(before);
  const other = join(root, 'thesis');
  mkdirSync(other);
  writeFileSync(join(other, 'chapter1'), 'precious');
  await expect(writeSnapshot(machine(), other, { overwrite: true })).rejects.toMatchObject({
    code: 'SNAPSHOT_EXISTS',
  });
  expect(readdirSync(other)).toEqual(['chapter1']);
  expect(readdirSync(root).filter((name) => name.includes('.tmp-'))).toEqual([]);
});

test('a snapshot that fails half-way leaves the old one and nothing else', async () => {
  await writeSnapshot(machine(), directory);
  const failing = machine(async ({ state }) => {
    writeFileSync(state, 'half');
    throw Object.assign(new Error('write'), { code: 'ENOSPC' });
  });
  await expect(writeSnapshot(failing, directory, { overwrite: true })).rejects.toMatchObject({
    code: 'DISK_FULL',
    hint: expect.stringContaining('free some space'),
  });
  expect(readdirSync(root).sort()).toEqual(['kernel', 'ram', 'shop.snapshot']);
  await verifySnapshot(directory, { hashes: true });
});

test('what a killed writer left is swept by the next one', async () => {
  mkdirSync(`${directory}.tmp-4194303-x`, { recursive: true });
  await writeSnapshot(machine(), directory);
  expect(existsSync(`${directory}.tmp-4194303-x`)).toBe(false);
});

/** Each damage, and the one error it must give. */
const DAMAGES: [string, () => void, string][] = [
  ['no directory', () => rmSync(directory, { recursive: true }), 'SNAPSHOT_INCOMPLETE'],
  ['no manifest', () => rmSync(join(directory, 'manifest.json')), 'SNAPSHOT_INCOMPLETE'],
  [
    'half a manifest',
    () => truncateSync(join(directory, 'manifest.json'), 200),
    'SNAPSHOT_DAMAGED',
  ],
  ['no memory', () => rmSync(join(directory, 'memory')), 'SNAPSHOT_INCOMPLETE'],
  ['memory cut', () => truncateSync(join(directory, 'memory'), 2 * PAGE), 'SNAPSHOT_DAMAGED'],
  ['memory altered', () => alter(join(directory, 'memory'), 5000), 'SNAPSHOT_DAMAGED'],
  ['state longer', () => appendFileSync(join(directory, 'state'), 'x'), 'SNAPSHOT_DAMAGED'],
  ['state altered', () => alter(join(directory, 'state'), 3), 'SNAPSHOT_DAMAGED'],
  ['kernel gone', () => rmSync(join(root, 'kernel')), 'SNAPSHOT_MISMATCH'],
  ['kernel replaced', () => writeFileSync(join(root, 'kernel'), 'B kernel'), 'SNAPSHOT_MISMATCH'],
  ['another format', () => edit('"format": 1', '"format": 2'), 'SNAPSHOT_FOREIGN'],
  [
    'a region too many',
    () =>
      edit(
        '"regions": [',
        '"regions": [{"guestPhysical":1048576,"bytes":4096,"fileOffset":12288},',
      ),
    'SNAPSHOT_DAMAGED',
  ],
  [
    'a file name that leads out',
    () => edit('"path": "memory"', '"path": "../ram"'),
    'SNAPSHOT_DAMAGED',
  ],
];

function alter(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

function edit(from: string, to: string): void {
  const path = join(directory, 'manifest.json');
  const text = readFileSync(path, 'utf8');
  expect(text).toContain(from);
  writeFileSync(path, text.replace(from, to));
}

test.each(DAMAGES)(
  '%s: one clear error, without reading the memory unless its time changed',
  async (_what, damage, code) => {
    await writeSnapshot(machine(), directory);
    damage();
    await expect(verifySnapshot(directory)).rejects.toMatchObject({
      name: 'MicrovmError',
      code,
      place: expect.any(String),
      hint: expect.any(String),
    });
  },
);

test('a byte changed behind a kept time is found by the full check alone', async () => {
  await writeSnapshot(machine(), directory);
  const memory = join(directory, 'memory');
  const { manifest } = openSnapshot(directory) as { manifest: Manifest };
  alter(memory, 5000);
  const time = Number(BigInt(manifest.files.memory.mtimeNs) / 1000n) / 1e6;
  utimesSync(memory, time, time);
  await expect(verifySnapshot(directory, { hashes: true })).rejects.toMatchObject({
    code: 'SNAPSHOT_DAMAGED',
  });
});

test('a copied snapshot has other times: its files are hashed, and it is good', async () => {
  await writeSnapshot(machine(), directory);
  utimesSync(join(directory, 'memory'), 1, 1);
  const { files } = await verifySnapshot(directory);
  expect(files.filter(({ hashed }) => hashed).map(({ path }) => path)).toEqual([
    join(directory, 'memory'),
  ]);
});

test('Firecracker’s and fireCRaCer’s file names are read', async () => {
  await writeSnapshot(machine(), directory);
  rmSync(join(directory, 'manifest.json'));
  renameSync(join(directory, 'state'), join(directory, 'snapshot_file'));
  renameSync(join(directory, 'memory'), join(directory, 'mem_file'));
  expect(openSnapshot(directory)).toEqual({
    kind: 'bare',
    directory,
    state: join(directory, 'snapshot_file'),
    memory: join(directory, 'mem_file'),
    memoryBytes: 3 * PAGE,
  });
});

test('any change of one manifest value is read as a manifest or refused as one error', async () => {
  await writeSnapshot(machine(), directory, { probe });
  const text = readFileSync(join(directory, 'manifest.json'), 'utf8');
  const paths = leafPaths(JSON.parse(text));
  fc.assert(
    fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, value) => {
      const root = JSON.parse(text);
      let parent = root;
      for (const key of path.slice(0, -1)) parent = parent[key];
      parent[path.at(-1) as string] = value;
      try {
        expect(parseManifest(JSON.stringify(root), 'm').format).toBe(1);
      } catch (error) {
        expect(error).toMatchObject({
          name: 'MicrovmError',
          code: expect.stringMatching(/^SNAPSHOT_/),
        });
      }
    }),
    { numRuns: 500 },
  );
});

function leafPaths(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [path];
  return [
    path,
    ...Object.entries(value).flatMap(([key, inner]) => leafPaths(inner, [...path, key])),
  ].filter((each) => each.length > 0);
}

test('a directory without write permission is said to be one', async () => {
  if (process.getuid?.() === 0) {
    console.log('root may write everywhere: the refusal is checked with a path below a file');
    await expect(writeSnapshot(machine(), join(root, 'kernel', 'x'))).rejects.toThrow();
    return;
  }
  chmodSync(root, 0o500);
  await expect(writeSnapshot(machine(), directory)).rejects.toMatchObject({ code: 'PERMISSION' });
  chmodSync(root, 0o700);
});
