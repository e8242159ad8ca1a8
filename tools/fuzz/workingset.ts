// SPDX-License-Identifier: Apache-2.0
// Damages working set files - also with a checksum that fits the damage, so that what lies behind it is
// reached - and demands a working set that can be written again, or a PagerError.
import { createHash } from 'node:crypto';
import {
  buildWorkingSet,
  decodeWorkingSet,
  encodeWorkingSet,
  PagerError,
} from '../../packages/pager/src/index.ts';
import { damage, randomFrom } from './support/damage.ts';

const HASH = 32;

function drawn(random: (below: number) => number): Uint8Array {
  const pages = 1 + random(4096);
  const order = Array.from({ length: random(200) }, () => random(pages));
  return encodeWorkingSet(
    buildWorkingSet([[...new Set(order)]], {
      pageSize: 4096,
      memoryBytes: pages * 4096,
      snapshotHash: random(2) ? '' : 'c0'.repeat(32),
      gap: random(4),
      isZero: (page) => page % 5 === 0,
    }),
  );
}

/** The same bytes with the checksum they ought to have. */
function sealed(bytes: Uint8Array): Uint8Array {
  const body = bytes.subarray(0, Math.max(0, bytes.length - HASH));
  return Buffer.concat([body, createHash('sha256').update(body).digest()]);
}

/** @returns whether every damaged file got a decent answer */
export async function run(options: { runs: number; seed: number }): Promise<boolean> {
  const random = randomFrom(options.seed);
  let accepted = 0;
  for (let index = 0; index < options.runs; index++) {
    const broken = damage(drawn(random), random, random(3));
    const bytes = random(4) === 0 ? broken : sealed(broken);
    try {
      const set = decodeWorkingSet(bytes, 'fuzz');
      encodeWorkingSet(set);
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
