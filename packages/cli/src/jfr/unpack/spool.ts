// SPDX-License-Identifier: Apache-2.0
// Recordings that cannot be read in place - standard input, packed files - put into a temporary file
// that has no name any more when it is read. Unpackers are loaded when a file needs them.
import { createReadStream, createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type FileSource, openFileSource } from '@rekindle/bytes/node';
import { FileError } from '../../file-error.ts';
import { bounded, PackedCount } from './bounded.ts';
import { HEAD, type Packer, packerOf } from './packer.ts';

type Bytes = AsyncIterable<Uint8Array>;

/** A recording from standard input. Throws FileError. */
export async function spoolInput(): Promise<FileSource> {
  if (process.stdin.isTTY) {
    throw new FileError('-', 'EINVAL', 'standard input is a terminal', 'pipe a recording into it');
  }
  return await spool('standard input', process.stdin);
}

/** The recording in a packed file. Throws FileError. */
export async function spoolFile(path: string): Promise<FileSource> {
  return await spool(path, createReadStream(path));
}

async function spool(name: string, stream: Readable): Promise<FileSource> {
  const { head, whole } = await peek(stream);
  const packer = packerOf(head);
  if (packer?.reads === false) throw notRead(name, packer);
  const directory = mkdtempSync(join(tmpdir(), 'rekindle-'));
  try {
    const path = join(directory, 'recording.jfr');
    try {
      const recording = packer === undefined ? whole : await unpack(packer, whole, directory);
      await pipeline(recording, createWriteStream(path));
    } catch (error) {
      const { code = 'EIO', message } = error as NodeJS.ErrnoException;
      const { tool } = packer ?? {};
      throw new FileError(name, code, message, tool && `is it whole? ${tool} -t tells`);
    }
    return openFileSource(path);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function notRead(name: string, { name: packer, tool }: Packer): FileError {
  const from = name === 'standard input' ? `… | ${tool} -dc` : `${tool} -dc ${name}`;
  return new FileError(
    name,
    'ENOTSUP',
    `is packed with ${packer}`,
    `unpack it on the way: ${from} | rekindle jfr summary -`,
  );
}

/** What is in packed bytes, as far as it is not more than they warrant. */
async function unpack({ name }: Packer, packed: Bytes, directory: string): Promise<Bytes> {
  if (name === 'zip') {
    // its table of contents is at its end
    const path = join(directory, 'packed.zip');
    await pipeline(packed, createWriteStream(path));
    const { size } = statSync(path);
    return bounded((await import('./zip.ts')).unpackZip(path), () => size);
  }
  const count = new PackedCount();
  return bounded((await unpackerOf(name))(count.of(packed)), () => count.bytes);
}

async function unpackerOf(name: Packer['name']): Promise<(packed: Bytes) => Bytes> {
  switch (name) {
    case 'gzip':
      return (await import('./gzip.ts')).unpackGzip;
    case 'zstd':
      return (await import('./zstd.ts')).unpackZstd;
    case 'lz4':
      return (await import('./lz4.ts')).unpackLz4;
    default:
      throw new Error(`nothing unpacks ${name}`);
  }
}

/** The first bytes of a stream, and the stream from its beginning. */
async function peek(stream: Readable): Promise<{ head: Uint8Array; whole: Bytes }> {
  const rest = stream.iterator() as AsyncIterator<Uint8Array>;
  const pieces: Uint8Array[] = [];
  let length = 0;
  while (length < HEAD) {
    const { done, value } = await rest.next();
    if (done) break;
    pieces.push(value);
    length += value.length;
  }
  const head = Buffer.concat(pieces);
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield head;
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
  }
  return { head, whole: whole() };
}
