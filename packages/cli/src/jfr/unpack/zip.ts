// SPDX-License-Identifier: Apache-2.0
// The recording in a zip archive: its only file, or the only one named .jfr.
import { crc32 } from 'node:zlib';
import { type Entry, openPromise } from 'yauzl';
import { UnpackError } from './packed-input.ts';

/** Most entries looked at; an archive of a recording has one. */
const ENTRIES = 10_000;

/** Unpacks the archive at a path. Throws UnpackError. */
export async function* unpackZip(path: string): AsyncGenerator<Uint8Array> {
  try {
    const archive = await openPromise(path, { autoClose: false });
    try {
      const entry = choose(await entriesOf(archive.eachEntry()));
      let checksum = 0;
      for await (const bytes of await archive.openReadStreamPromise(entry)) {
        checksum = crc32(bytes as Uint8Array, checksum);
        yield bytes as Uint8Array;
      }
      if (checksum !== entry.crc32) throw new UnpackError('does not match its checksum');
    } finally {
      archive.close();
    }
  } catch (error) {
    if (error instanceof UnpackError) throw error;
    throw new UnpackError(`does not unpack: ${(error as Error).message}`);
  }
}

async function entriesOf(entries: AsyncIterable<Entry>): Promise<Entry[]> {
  const files: Entry[] = [];
  let count = 0;
  for await (const entry of entries) {
    if (++count > ENTRIES) throw new UnpackError(`has more than ${ENTRIES} entries`);
    if (!entry.fileName.endsWith('/')) files.push(entry);
  }
  return files;
}

function choose(files: readonly Entry[]): Entry {
  const recordings = files.filter(({ fileName }) => fileName.toLowerCase().endsWith('.jfr'));
  const [entry, ...others] = recordings.length > 0 ? recordings : files;
  if (entry === undefined) throw new UnpackError('has no file in it');
  if (others.length === 0) return entry;
  const names = [entry, ...others].slice(0, 5).map(({ fileName }) => fileName);
  throw new UnpackError(`has ${others.length + 1} files: ${names.join(', ')}; unpack one of them`);
}
