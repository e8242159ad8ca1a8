// SPDX-License-Identifier: Apache-2.0
import { statSync } from 'node:fs';
import { hashFile } from './cache.ts';

/** Digests of files already read by this process, by what would change with their content. */
const known = new Map<string, string>();

/** SHA-256 of a file in hex. Read once per process as long as size, inode and change time stay the same. */
export async function fileDigest(path: string): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
  const key = [dev, ino, size, mtimeNs, ctimeNs].join(':');
  const before = known.get(key);
  if (before !== undefined) return before;
  const digest = await hashFile(path);
  known.set(key, digest);
  return digest;
}
