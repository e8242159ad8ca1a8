// SPDX-License-Identifier: Apache-2.0
// A cpio archive in the "newc" format, as the kernel unpacks it
// (Documentation/driver-api/early-userspace/buffer-format.rst):
//
//   header   110 bytes of ASCII: "070701", then 13 numbers of 8 hexadecimal digits:
//            ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor
//            namesize check
//   name     namesize bytes with a NUL at the end; header + name padded to 4 bytes
//   data     filesize bytes, padded to 4 bytes
//   last     an entry named TRAILER!!!
import { BuildError } from './cache-error.ts';

/** A member. Directories above it need members of their own. */
export type CpioMember =
  | { readonly path: string; readonly kind: 'directory'; readonly mode?: number }
  | {
      readonly path: string;
      readonly kind: 'file';
      readonly mode?: number;
      readonly bytes: Uint8Array;
    }
  | { readonly path: string; readonly kind: 'link'; readonly target: string }
  | {
      readonly path: string;
      readonly kind: 'device';
      readonly mode?: number;
      readonly major: number;
      readonly minor: number;
    };

const typeBits = { directory: 0o040000, file: 0o100000, link: 0o120000, device: 0o020000 } as const;
const defaultMode = { directory: 0o755, file: 0o644, link: 0o777, device: 0o600 } as const;
/** PATH_MAX of the kernel, the NUL included: it skips longer names without a word. */
const longestName = 4096;

/**
 * The archive of these members: owned by root, dated 1970, in order of path, so that equal
 * members make equal bytes.
 * @throws BuildError INPUT for a path the kernel would not unpack.
 */
export function writeCpio(members: readonly CpioMember[]): Uint8Array {
  const sorted = [...members].sort((a, b) =>
    Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)),
  );
  const parts: Uint8Array[] = [];
  let inode = 0;
  let previous: string | undefined;
  for (const member of sorted) {
    checkPath(member.path, previous);
    previous = member.path;
    pushMember(parts, member, ++inode);
  }
  push(parts, header({ inode: 0, mode: 0, links: 1, size: 0, name: 'TRAILER!!!' }), 'TRAILER!!!');
  return Buffer.concat(parts);
}

function checkPath(path: string, previous: string | undefined): void {
  const bad =
    path === '' || path.startsWith('/') || path.includes('\0') || path === 'TRAILER!!!'
      ? 'is not a relative path'
      : Buffer.byteLength(path) >= longestName
        ? 'is too long'
        : path === previous
          ? 'is there twice'
          : undefined;
  if (bad === undefined) return;
  throw new BuildError('INPUT', `archive member ${bad}`, path, 'Name it like bin/sh.');
}

function pushMember(parts: Uint8Array[], member: CpioMember, inode: number): void {
  const data =
    member.kind === 'file'
      ? member.bytes
      : member.kind === 'link'
        ? Buffer.from(member.target)
        : new Uint8Array(0);
  const permissions =
    (member.kind === 'link' ? undefined : member.mode) ?? defaultMode[member.kind];
  push(
    parts,
    header({
      inode,
      mode: typeBits[member.kind] | permissions,
      links: member.kind === 'directory' ? 2 : 1,
      size: data.byteLength,
      name: member.path,
      ...(member.kind === 'device' ? { major: member.major, minor: member.minor } : {}),
    }),
    member.path,
  );
  parts.push(data, padding(data.byteLength));
}

interface Header {
  readonly inode: number;
  readonly mode: number;
  readonly links: number;
  readonly size: number;
  readonly name: string;
  readonly major?: number;
  readonly minor?: number;
}

function header(of: Header): string {
  const nameBytes = Buffer.byteLength(of.name) + 1;
  return [
    of.inode,
    of.mode,
    0,
    0,
    of.links,
    0,
    of.size,
    0,
    0,
    of.major ?? 0,
    of.minor ?? 0,
    nameBytes,
    0,
  ].reduce((text, value) => text + value.toString(16).padStart(8, '0'), '070701');
}

function push(parts: Uint8Array[], head: string, name: string): void {
  const bytes = Buffer.from(`${head}${name}\0`);
  parts.push(bytes, padding(bytes.byteLength));
}

function padding(length: number): Uint8Array {
  return new Uint8Array(-length & 3);
}
