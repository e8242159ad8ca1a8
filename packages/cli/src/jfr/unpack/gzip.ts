// SPDX-License-Identifier: Apache-2.0
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { UnpackError } from './packed-input.ts';

/** Unpacks the members of a gzip file, one after the other. Throws UnpackError. */
export async function* unpackGzip(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const source = Readable.from(packed);
  const unpacked = createGunzip();
  source.on('error', (error) => unpacked.destroy(error));
  try {
    for await (const bytes of source.pipe(unpacked)) yield bytes as Uint8Array;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'Z_BUF_ERROR') throw new UnpackError('ends in the middle: it is not whole');
    throw code?.startsWith('Z_') ? new UnpackError(`does not unpack: ${message}`) : error;
  }
}
