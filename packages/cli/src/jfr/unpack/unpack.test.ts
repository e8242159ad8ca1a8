// SPDX-License-Identifier: Apache-2.0
// The judges are `gzip`, `zstd`, `lz4` and the JDK's `jar`: they pack, we unpack.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { scratch } from '../../testing/rekindle.ts';
import { bounded } from './bounded.ts';
import { unpackGzip } from './gzip.ts';
import { unpackLz4 } from './lz4.ts';
import { UnpackError } from './packed-input.ts';
import { xxh32 } from './xxh32.ts';
import { unpackZip } from './zip.ts';
import { unpackZstd } from './zstd.ts';

const { path: directory, remove } = scratch('unpack');
afterAll(remove);

const has = (tool: string): boolean => spawnSync(tool, ['--version']).error === undefined;

/** Half of it like nothing before it, half like something far before: matches of every distance. */
const PLAIN = Uint8Array.from({ length: 700_000 }, (_, at) =>
  (at >> 12) % 2 === 0 ? Math.imul(at, 2654435761) >>> 24 : (at >> 6) & 0x3f,
);

const pack = (command: string, input: Uint8Array = PLAIN): Uint8Array => {
  const [tool = '', ...args] = command.split(' ');
  return execFileSync(tool, args, { input, maxBuffer: 1 << 28 });
};

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collect(unpacked: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const piece of unpacked) all.push(piece);
  return Buffer.concat(all);
}

const UNPACK = { gzip: unpackGzip, zstd: unpackZstd, lz4: unpackLz4 } as const;

describe.each([
  ['gzip', ['gzip -c', 'gzip -c -9']],
  ['zstd', ['zstd -c -q', 'zstd -c -q -19 --long=27', 'zstd -c -q --fast=5 --no-check']],
  [
    'lz4',
    ['lz4 -c -q', 'lz4 -c -q -9 -BD', 'lz4 -c -q -B4 -BX --no-frame-crc', 'lz4 -c -q -BD -B5'],
  ],
] as const)('%s', (name, commands) => {
  const unpack = UNPACK[name];

  it.each(commands)('unpacks what `%s` packs', async (command) => {
    if (!has(name)) return expect.fail(`no ${name} on this machine: node tools/setup.mjs`);
    const packed = pack(command);
    for (const size of [packed.length, 4099, 7]) {
      expect(Buffer.compare(await collect(unpack(pieces(packed, size))), PLAIN)).toBe(0);
    }
    expect(await collect(unpack(pieces(pack(command, new Uint8Array(0)), 100)))).toHaveLength(0);
    const twice = Buffer.concat([packed, pack(command, PLAIN.subarray(0, 5))]);
    expect(await collect(unpack(pieces(twice, 1000)))).toHaveLength(PLAIN.length + 5);
  });

  it('says of a torn file that it is torn, wherever it ends', async () => {
    const packed = pack(commands[0], PLAIN.subarray(0, 3000));
    for (let length = 5; length < packed.length; length += 11) {
      const torn = collect(unpack(pieces(packed.subarray(0, length), 64)));
      await expect(torn).rejects.toThrow(/ends in the middle/);
    }
  });

  it('gives a damaged file an end, and no error but its own', async () => {
    const packed = pack(commands[1], PLAIN.subarray(0, 20_000));
    const damage = fc.array(fc.tuple(fc.nat(packed.length - 1), fc.nat(255)), {
      minLength: 1,
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(damage, async (changes) => {
        const bytes = packed.slice();
        for (const [at, value] of changes) bytes[at] = value;
        const unpacked = bounded(unpack(pieces(bytes, 512)), () => bytes.length, {
          bytes: 1 << 24,
          ratio: 100,
        });
        await collect(unpacked).catch((error) => expect(error).toBeInstanceOf(UnpackError));
      }),
      { numRuns: 300 },
    );
  });
});

describe('zip', () => {
  const archive = (...files: string[]): string => {
    const path = join(directory, `${files.join('-')}.zip`);
    for (const file of files) writeFileSync(join(directory, file), PLAIN);
    const named = files.flatMap((file) => ['-C', directory, file]);
    execFileSync('jar', ['--create', '--no-manifest', '--file', path, ...named]);
    return path;
  };

  it.each([[['run.jfr']], [['notes']], [['notes', 'run.jfr']]])(
    'unpacks the one recording that `jar` packs: %j',
    async (files) => {
      expect(Buffer.compare(await collect(unpackZip(archive(...files))), PLAIN)).toBe(0);
    },
  );

  it('says what is in an archive of several, and what is wrong with a damaged one', async () => {
    const path = archive('a.jfr', 'b.jfr');
    await expect(collect(unpackZip(path))).rejects.toThrow('has 2 files: a.jfr, b.jfr');
    const bytes = readFileSync(archive('run.jfr'));
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(path, bytes);
    await expect(collect(unpackZip(path))).rejects.toThrow(UnpackError);
    writeFileSync(path, bytes.subarray(0, -9));
    await expect(collect(unpackZip(path))).rejects.toThrow(/truncated/);
  });
});

describe('a bomb', () => {
  const limits = { bytes: 1000, ratio: 10 };

  it('is stopped when it is larger than any recording that packs so well', async () => {
    const unpacked = bounded(pieces(new Uint8Array(5000), 100), () => 200, limits);
    await expect(collect(unpacked)).rejects.toThrow('more than 1000 bytes and 10 times its size');
    expect(await collect(bounded(pieces(PLAIN, 100), () => PLAIN.length / 10, limits))).toEqual(
      Buffer.from(PLAIN),
    );
    expect(await collect(bounded(pieces(new Uint8Array(1000), 100), () => 1, limits))).toHaveLength(
      1000,
    );
  });

  it('of a window without measure is refused before it is made', async () => {
    // a frame of 2^31 bytes of window, by its descriptor; one whose only segment is 2^40 bytes
    const wide = [0x28, 0xb5, 0x2f, 0xfd, 0x00, (31 - 10) << 3, ...new Array(20).fill(0)];
    const long = [0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 1, 0, 0, ...new Array(20).fill(0)];
    for (const bytes of [wide, long]) {
      const unpacked = collect(unpackZstd(pieces(Uint8Array.from(bytes), 3)));
      await expect(unpacked).rejects.toThrow(/bytes of window/);
    }
  });
});

it('xxh32 agrees with the checksums of xxHash', () => {
  expect(xxh32(new Uint8Array(0))).toBe(0x02cc5d05);
  expect(xxh32(new TextEncoder().encode('a'))).toBe(0x550d7456);
  expect(xxh32(new TextEncoder().encode('Nobody inspects the spammish repetition'))).toBe(
    0xe2293b2f,
  );
});
