// SPDX-License-Identifier: Apache-2.0
// Java's trusted certificates (cacerts) are written at installation with the time of day in
// every entry. That is the only file of the userland that differs from build to build, so the
// times are replaced. The format, from sun.security.provider.JavaKeyStore (big endian):
//
//   u4 FEEDFEED   u4 version 2   u4 count
//   each entry    u4 tag 2 (trusted certificate)   utf alias   u8 milliseconds since 1970
//                 utf type   u4 length   certificate            (utf: u2 length, then bytes)
//   last 20       SHA-1 of: password in UTF-16BE, "Mighty Aphrodite", everything before
import { createHash } from 'node:crypto';

const magic = 0xfeedfeed;
/** The password every cacerts has, and that Java itself assumes. */
const password = 'changeit';

/**
 * The keystore with every entry dated and in order of alias; undefined where the bytes are not a
 * JKS keystore of trusted certificates alone.
 */
export function dateKeystore(bytes: Buffer, milliseconds: number): Buffer | undefined {
  if (bytes.length < 32 || bytes.readUInt32BE(0) !== magic || bytes.readUInt32BE(4) !== 2) {
    return undefined;
  }
  const body = bytes.subarray(0, bytes.length - 20);
  const entries: { alias: Buffer; bytes: Buffer }[] = [];
  let at = 12;
  for (let left = bytes.readUInt32BE(8); left > 0; left--) {
    const entry = readEntry(body, at);
    if (entry === undefined) return undefined;
    const dated = Buffer.from(body.subarray(at, entry.end));
    dated.writeBigUInt64BE(BigInt(milliseconds), entry.date - at);
    entries.push({ alias: entry.alias, bytes: dated });
    at = entry.end;
  }
  if (at !== body.length) return undefined;
  entries.sort((a, b) => Buffer.compare(a.alias, b.alias));
  const dated = Buffer.concat([body.subarray(0, 12), ...entries.map((entry) => entry.bytes)]);
  return Buffer.concat([dated, digest(dated)]);
}

function readEntry(
  body: Buffer,
  at: number,
): { alias: Buffer; date: number; end: number } | undefined {
  if (at + 6 > body.length || body.readUInt32BE(at) !== 2) return undefined;
  const date = at + 6 + body.readUInt16BE(at + 4);
  if (date + 10 > body.length) return undefined;
  const length = date + 10 + body.readUInt16BE(date + 8);
  if (length + 4 > body.length) return undefined;
  const end = length + 4 + body.readUInt32BE(length);
  return end > body.length ? undefined : { alias: body.subarray(at + 6, date), date, end };
}

function digest(body: Buffer): Buffer {
  const wide = Buffer.from(password, 'utf16le').swap16();
  return createHash('sha1').update(wide).update('Mighty Aphrodite').update(body).digest();
}
