// SPDX-License-Identifier: Apache-2.0
// Where a byte of the memory file lives in the guest's physical address space. The handshake does not
// say it: it follows from the machine, or from the snapshot's manifest.
import { hex, PagerError } from './pager-error.ts';

/** A stretch of the memory file and its guest-physical place, as a snapshot's manifest lists them. */
export interface GuestRange {
  readonly guestPhysical: number;
  readonly bytes: number;
  readonly fileOffset: number;
}

const GIB = 2 ** 30;

/** Firecracker, x86-64: RAM up to 3 GiB, from 4 GiB to 256 GiB, from 512 GiB. arch/x86_64/layout.rs */
const FIRECRACKER = [
  { start: 0, end: 3 * GIB },
  { start: 4 * GIB, end: 256 * GIB },
  { start: 512 * GIB, end: 2 ** 52 },
];

function split(bytes: number, windows: readonly { start: number; end: number }[]): GuestRange[] {
  const ranges: GuestRange[] = [];
  let fileOffset = 0;
  for (const { start, end } of windows) {
    if (fileOffset >= bytes) break;
    const length = Math.min(bytes - fileOffset, end - start);
    ranges.push({ guestPhysical: start, bytes: length, fileOffset });
    fileOffset += length;
  }
  return ranges;
}

/** Layout of a Firecracker guest on x86-64. @param bytes size of its memory */
export const firecrackerLayout = (bytes: number): GuestRange[] => split(bytes, FIRECRACKER);

/**
 * Layout of a QEMU q35 guest: 2 GiB below the hole when there are 2.75 GiB or more, else everything.
 * pc_q35_init in hw/i386/pc_q35.c (max-ram-below-4g left at its default).
 */
export function q35Layout(bytes: number): GuestRange[] {
  const low = bytes >= 0xb0000000 ? 0x80000000 : 0xb0000000;
  return split(bytes, [
    { start: 0, end: low },
    { start: 4 * GIB, end: 2 ** 52 },
  ]);
}

/**
 * Checks that ranges cover a memory of `bytes` exactly, in file order, without overlap in the guest.
 * @returns them ordered by file offset
 */
export function checkLayout(ranges: readonly GuestRange[], bytes: number): GuestRange[] {
  const ordered = [...ranges].sort((a, b) => a.fileOffset - b.fileOffset);
  let expected = 0;
  for (const range of ordered) {
    for (const name of ['guestPhysical', 'bytes', 'fileOffset'] as const) {
      if (!Number.isSafeInteger(range[name]) || range[name] < 0 || range[name] % 4096 !== 0) {
        throw layoutError(`${name} ${range[name]} is not a whole number of pages`, range);
      }
    }
    if (range.bytes === 0 || range.fileOffset !== expected) {
      throw layoutError(`expected the range that starts at byte ${hex(expected)}`, range);
    }
    expected += range.bytes;
  }
  if (expected !== bytes) {
    throw new PagerError(
      'LAYOUT',
      `the regions cover ${expected} bytes of a memory of ${bytes}`,
      'guest regions',
      'the manifest belongs to another snapshot',
    );
  }
  const byAddress = [...ordered].sort((a, b) => a.guestPhysical - b.guestPhysical);
  for (let i = 1; i < byAddress.length; i++) {
    if (byAddress[i - 1]!.guestPhysical + byAddress[i - 1]!.bytes > byAddress[i]!.guestPhysical) {
      throw layoutError('overlaps another in the guest', byAddress[i]!);
    }
  }
  return ordered;
}

const layoutError = (message: string, range: GuestRange): PagerError =>
  new PagerError('LAYOUT', message, `guest region at file byte ${range.fileOffset}`);

/** The guest-physical address of a byte of the memory file. Allocates nothing. */
export function guestPhysicalOf(ranges: readonly GuestRange[], fileOffset: number): number {
  for (let i = ranges.length - 1; i >= 0; i--) {
    const range = ranges[i]!;
    if (fileOffset >= range.fileOffset)
      return range.guestPhysical + (fileOffset - range.fileOffset);
  }
  return fileOffset;
}

/** The position in the memory file of a guest-physical address, or -1 where the guest has no RAM. */
export function fileOffsetOf(ranges: readonly GuestRange[], guestPhysical: number): number {
  for (const range of ranges) {
    const within = guestPhysical - range.guestPhysical;
    if (within >= 0 && within < range.bytes) return range.fileOffset + within;
  }
  return -1;
}
