// SPDX-License-Identifier: Apache-2.0

/** How compressed files begin, and what unpacks them. */
export const PACKERS = [
  { name: 'gzip', magic: [0x1f, 0x8b], tool: 'gzip' },
  { name: 'zstd', magic: [0x28, 0xb5, 0x2f, 0xfd], tool: 'zstd' },
  { name: 'lz4', magic: [0x04, 0x22, 0x4d, 0x18], tool: 'lz4' },
  { name: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58], tool: 'xz' },
  { name: 'bzip2', magic: [0x42, 0x5a, 0x68], tool: 'bzip2' },
] as const;

export type Packer = (typeof PACKERS)[number];

/** Bytes that tell how a file is packed. */
export const HEAD = 4;

/** What a file that begins so is packed with. */
export function packerOf(head: Uint8Array): Packer | undefined {
  return PACKERS.find(({ magic }) => magic.every((byte, index) => head[index] === byte));
}
