// SPDX-License-Identifier: Apache-2.0
import type { HandshakeRegion } from './handshake.ts';
import { PagerError } from './pager-error.ts';

/**
 * The VMM's regions, for look-up on the fault path (which allocates nothing). A VMM has a handful, so a
 * linear search that starts at the last hit is as good as any.
 */
export class RegionTable {
  readonly regions: readonly HandshakeRegion[];
  readonly pageSize: number;
  /** Size of the guest's memory. */
  readonly bytes: number;
  #last = 0;

  /**
   * @param regions as {@link parseHandshake} returns them
   * @param memoryBytes size of the memory to serve them from
   * @throws PagerError MEMORY_SIZE when the two do not agree
   */
  constructor(regions: readonly HandshakeRegion[], memoryBytes: number) {
    this.regions = regions;
    this.pageSize = regions[0]!.pageSize;
    this.bytes = regions.reduce((sum, region) => sum + region.size, 0);
    if (this.bytes !== memoryBytes) {
      throw new PagerError(
        'MEMORY_SIZE',
        `the VMM has ${this.bytes} bytes of memory, the snapshot has ${memoryBytes}`,
        'handshake',
        'is this the memory file of the snapshot being restored, and is it whole?',
      );
    }
  }

  /** Index of the region that holds an address of the VMM, or -1. */
  find(hostVirtual: number): number {
    if (this.#holds(this.#last, hostVirtual)) return this.#last;
    for (let index = 0; index < this.regions.length; index++) {
      if (this.#holds(index, hostVirtual)) {
        this.#last = index;
        return index;
      }
    }
    return -1;
  }

  #holds(index: number, hostVirtual: number): boolean {
    const region = this.regions[index]!;
    return hostVirtual >= region.hostVirtual && hostVirtual < region.hostVirtual + region.size;
  }

  /** Index of the region that holds a byte of the memory file. */
  findOffset(fileOffset: number): number {
    let index = this.regions.length - 1;
    while (index > 0 && this.regions[index]!.offset > fileOffset) index--;
    return index;
  }
}
