// SPDX-License-Identifier: Apache-2.0
// mke2fs -d takes each file's times from the tree it copies. Two of them cannot be prepared there:
// the change time is the moment the tree was made and no program can set it; the access time of a
// directory is renewed when mke2fs itself reads it. So they are overwritten in the finished image.
//
// Offsets from the kernel's Documentation/filesystems/ext4 (little endian):
//
//   superblock, at 1024   0x00 inodes   0x18 log2(block size) - 10   0x28 inodes per group
//                         0x38 magic EF53   0x58 inode size   0x60 incompatible features (0x80:
//                         64bit)   0x64 read-only-compatible features (0x400: metadata_csum)
//   group descriptors     from block 1 (blocks of 4096): 32 bytes each, 0x08 inode table's block
//   inode                 0x00 mode   0x08 access, 0x0C change time, seconds
//                         0x84 change, 0x8C access time: nanoseconds and epoch (inodes of 256 bytes)
import { type FileHandle, open } from 'node:fs/promises';
import { BuildError } from './cache-error.ts';

interface Geometry {
  readonly inodes: number;
  readonly inodesPerGroup: number;
  readonly inodeSize: number;
  readonly blockSize: number;
}

/**
 * Sets the access and change time of every inode in use.
 * @param seconds since 1970, below 2^31.
 * @returns how many inodes were dated.
 * @throws BuildError INPUT for an image that writeExt4 did not write.
 */
export async function dateInodes(image: string, seconds: number): Promise<number> {
  const file = await open(image, 'r+');
  try {
    const geometry = await readGeometry(file, image);
    const groups = Math.ceil(geometry.inodes / geometry.inodesPerGroup);
    const descriptors = await read(file, geometry.blockSize, groups * 32, image);
    let dated = 0;
    for (let group = 0; group < groups; group++) {
      const table = descriptors.readUInt32LE(group * 32 + 8) * geometry.blockSize;
      const bytes = await read(file, table, geometry.inodesPerGroup * geometry.inodeSize, image);
      const count = dateTable(bytes, geometry.inodeSize, seconds);
      if (count > 0) await file.write(bytes, 0, bytes.length, table);
      dated += count;
    }
    return dated;
  } finally {
    await file.close();
  }
}

function dateTable(table: Buffer, inodeSize: number, seconds: number): number {
  let dated = 0;
  for (let inode = 0; inode < table.length; inode += inodeSize) {
    if (table.readUInt32LE(inode + 0x0c) === 0) continue; // never used
    table.writeUInt32LE(seconds, inode + 0x08);
    table.writeUInt32LE(seconds, inode + 0x0c);
    if (inodeSize >= 256) {
      table.writeUInt32LE(0, inode + 0x84);
      table.writeUInt32LE(0, inode + 0x8c);
    }
    dated++;
  }
  return dated;
}

async function readGeometry(file: FileHandle, image: string): Promise<Geometry> {
  const superblock = await read(file, 1024, 1024, image);
  const geometry = {
    inodes: superblock.readUInt32LE(0x00),
    blockSize: 1024 << (superblock.readUInt32LE(0x18) & 15),
    inodesPerGroup: superblock.readUInt32LE(0x28),
    inodeSize: superblock.readUInt16LE(0x58),
  };
  const wide = superblock.readUInt32LE(0x60) & 0x80;
  const checksums = superblock.readUInt32LE(0x64) & 0x400;
  const ours =
    superblock.readUInt16LE(0x38) === 0xef53 &&
    geometry.blockSize === 4096 &&
    geometry.inodesPerGroup > 0 &&
    geometry.inodeSize >= 128 &&
    !wide &&
    !checksums;
  if (ours) return geometry;
  const message = 'not an ext4 image of 4 KiB blocks without 64bit and metadata_csum';
  throw new BuildError('INPUT', message, image, 'Only images written by rekindle can be dated.');
}

async function read(file: FileHandle, at: number, length: number, image: string): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await file.read(bytes, 0, length, at);
  if (bytesRead === length) return bytes;
  const message = `the image ends at byte ${at + bytesRead}, within its own tables`;
  throw new BuildError('INPUT', message, image, 'Delete it and build it again.');
}
