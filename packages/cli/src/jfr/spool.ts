// SPDX-License-Identifier: Apache-2.0
// Recordings that cannot be read in place - standard input, compressed files - put into a temporary file
// that has no name any more when it is read.
import { createReadStream, createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { type FileSource, openFileSource } from '@rekindle/bytes/node';
import { FileError } from '../file-error.ts';
import { HEAD, packerOf } from './packer.ts';

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
  if (packer !== undefined && packer.name !== 'gzip') {
    const { tool } = packer;
    const from = name === 'standard input' ? `… | ${tool} -dc` : `${tool} -dc ${name}`;
    throw new FileError(
      name,
      'ENOTSUP',
      `is packed with ${packer.name}`,
      `unpack it on the way: ${from} | rekindle jfr summary -`,
    );
  }
  const directory = mkdtempSync(join(tmpdir(), 'rekindle-'));
  try {
    const path = join(directory, 'recording.jfr');
    const unpack = packer === undefined ? [] : [createGunzip()];
    try {
      await pipeline([whole, ...unpack, createWriteStream(path)]);
    } catch (error) {
      const { code = 'EIO', message } = error as NodeJS.ErrnoException;
      throw new FileError(name, code, message, 'is it whole? gzip -t tells');
    }
    return openFileSource(path);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The first bytes of a stream, and the stream from its beginning. */
async function peek(stream: Readable): Promise<{ head: Uint8Array; whole: Readable }> {
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
  return { head, whole: Readable.from(whole()) };
}
