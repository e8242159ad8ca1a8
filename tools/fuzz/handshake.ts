// SPDX-License-Identifier: Apache-2.0
// Damages page-fault handshakes, cuts them anywhere, and demands regions that hold together or a
// PagerError.
import {
  HandshakeReader,
  type HandshakeRegion,
  PagerError,
} from '../../packages/pager/src/index.ts';
import { damage, randomFrom } from './support/damage.ts';

function drawn(random: (below: number) => number): Uint8Array {
  const page = random(8) === 0 ? 2 << 20 : 4096;
  const regions = [];
  let offset = 0;
  let address = 0x7f0000000000;
  for (let count = 1 + random(6); count > 0; count--) {
    const size = page * (1 + random(64));
    regions.push({
      base_host_virt_addr: address,
      size,
      offset,
      ...(random(2) ? { page_size: page } : {}),
      ...(random(4) ? { page_size_kib: page } : {}),
      ...(random(4) ? {} : { shared_inode: random(1 << 20) }),
    });
    offset += size;
    address += size + page * random(1024);
  }
  return new TextEncoder().encode(JSON.stringify(regions));
}

/** What every accepted handshake must be, whatever was sent. */
function check(regions: readonly HandshakeRegion[]): void {
  let offset = 0;
  for (const region of regions) {
    const { size, pageSize, hostVirtual } = region;
    if (region.offset !== offset) throw new Error(`a gap or overlap at ${offset}`);
    if (size <= 0 || size % pageSize !== 0 || hostVirtual % pageSize !== 0) {
      throw new Error(`a crooked region ${JSON.stringify(region)}`);
    }
    if (!Number.isSafeInteger(hostVirtual + size)) throw new Error('an end beyond any address');
    offset += size;
  }
  const sorted = [...regions].sort((a, b) => a.hostVirtual - b.hostVirtual);
  for (let i = 1; i < sorted.length; i++) {
    if (sorted[i - 1]!.hostVirtual + sorted[i - 1]!.size > sorted[i]!.hostVirtual) {
      throw new Error('regions overlap in memory');
    }
  }
}

/** @returns whether every damaged handshake got a decent answer */
export async function run(options: { runs: number; seed: number }): Promise<boolean> {
  const random = randomFrom(options.seed);
  let accepted = 0;
  for (let index = 0; index < options.runs; index++) {
    const bytes = damage(drawn(random), random, random(4));
    const reader = new HandshakeReader();
    try {
      let regions: HandshakeRegion[] | undefined;
      for (let at = 0; at < bytes.length; ) {
        const length = 1 + random(bytes.length - at);
        regions = reader.push(bytes.subarray(at, at + length));
        at += length;
      }
      if (regions === undefined) continue;
      check(regions);
      accepted++;
    } catch (error) {
      if (error instanceof PagerError) continue;
      console.error(`run ${index}: ${(error as Error).stack}`);
      console.error(Buffer.from(bytes).toString('base64'));
      return false;
    }
  }
  console.log(`${accepted} of ${options.runs} accepted`);
  return true;
}
