// SPDX-License-Identifier: Apache-2.0

/** How packed files begin, and the command that unpacks (and, with -t, tests) them. */
export const PACKERS = [
  { name: 'gzip', magic: [0x1f, 0x8b], tool: 'gzip', reads: true },
  { name: 'zstd', magic: [0x28, 0xb5, 0x2f, 0xfd], tool: 'zstd', reads: true },
  { name: 'lz4', magic: [0x04, 0x22, 0x4d, 0x18], tool: 'lz4', reads: true },
  { name: 'zip', magic: [0x50, 0x4b, 0x03, 0x04], tool: 'unzip', reads: true },
  { name: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58], tool: 'xz', reads: false },
  { name: 'bzip2', magic: [0x42, 0x5a, 0x68], tool: 'bzip2', reads: false },
] as const;

export type Packer = (typeof PACKERS)[number];

/** Bytes that tell how a file is packed. */
export const HEAD = 4;

/** What a file that begins so is packed with; its name tells nothing. */
export function packerOf(head: Uint8Array): Packer | undefined {
  return PACKERS.find(({ magic }) => magic.every((byte, index) => head[index] === byte));
}
