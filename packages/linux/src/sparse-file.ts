// SPDX-License-Identifier: Apache-2.0
import { errno, lseek } from './foreign.ts';
import { ERRNO, SystemError } from './system-error.ts';

const SEEK_DATA = 3;
const SEEK_HOLE = 4;

/** A range of a file, bytes; `end` is exclusive. */
export interface Extent {
  readonly start: number;
  readonly end: number;
}

/**
 * The parts of a file that hold data; what lies between reads as zeroes. The borders are those of
 * file-system blocks. A file system without holes reports one extent.
 * @param size length of the file in bytes
 */
export function dataExtents(fd: number, size: number): Extent[] {
  const extents: Extent[] = [];
  let position = 0;
  while (position < size) {
    const start = lseek(fd, position, SEEK_DATA);
    if (start === -1) {
      const value = errno();
      if (value === ERRNO.ENXIO) break; // only holes from here on
      throw new SystemError('lseek SEEK_DATA', value, `descriptor ${fd}`);
    }
    if (start >= size) break;
    const hole = lseek(fd, start, SEEK_HOLE);
    if (hole === -1) throw new SystemError('lseek SEEK_HOLE', errno(), `descriptor ${fd}`);
    const end = Math.min(hole, size);
    extents.push({ start, end });
    position = end;
  }
  return extents;
}
