// SPDX-License-Identifier: Apache-2.0
// Damages compact memories - their trailer, their index, their frames, also with hashes that fit the damage - and
// demands the pages that were saved, or a PagerError.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type CompactIndex,
  decodeIndex,
  decodeTrailer,
  encodeIndex,
  encodeTrailer,
  sha256,
  TRAILER_BYTES,
} from '../../packages/pager/src/compact-format.ts';
import { compactMemory, PagerError } from '../../packages/pager/src/index.ts';
import { damage, randomFrom } from './support/damage.ts';

function drawn(random: (below: number) => number): CompactIndex {
  const distinctPages = random(300);
  const framePages = [1, 7, 64][random(3)]!;
  const pages = 1 + random(400);
  return {
    memoryBytes: pages * 4096,
    framePages,
    distinctPages,
    memoryHash: 'ab'.repeat(32),
    table: Uint32Array.from({ length: pages }, () => random(distinctPages + 1)),
    frames: Array.from({ length: Math.ceil(distinctPages / framePages) }, (_, at) => ({
      offset: at * 10,
      bytes: 10,
      hash: sha256(Uint8Array.of(at)),
    })),
  };
}

function check(index: CompactIndex, end: number): void {
  if (index.table.length * 4096 !== index.memoryBytes) throw new Error('a table of another size');
  for (const entry of index.table) {
    if (entry > index.distinctPages) throw new Error(`page ${entry} of ${index.distinctPages}`);
  }
  for (const frame of index.frames) {
    if (frame.offset + frame.bytes > end) throw new Error('a frame outside the file');
  }
}

/** A whole file, once, to be sure that what is damaged here is what is written there. */
function checkWriter(): void {
  const directory = mkdtempSync(join(tmpdir(), 'rekindle-fuzz-'));
  try {
    const [memory, compact] = [join(directory, 'memory'), join(directory, 'compact')];
    writeFileSync(memory, Buffer.alloc(10 * 4096, 1));
    compactMemory(memory, compact);
    const file = readFileSync(compact);
    decodeTrailer(file.subarray(-TRAILER_BYTES), file.length, compact);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** @returns whether every damaged index and trailer got a decent answer */
export async function run(options: { runs: number; seed: number }): Promise<boolean> {
  checkWriter();
  const random = randomFrom(options.seed);
  let accepted = 0;
  for (let at = 0; at < options.runs; at++) {
    const index = drawn(random);
    const end = index.frames.length * 10;
    const bytes = damage(encodeIndex(index), random, random(4));
    const trailer = damage(
      encodeTrailer({
        indexOffset: end,
        indexBytes: bytes.length,
        indexLength: bytes.length,
        indexHash: sha256(bytes),
      }),
      random,
      random(3),
    );
    try {
      decodeTrailer(trailer, end + bytes.length + TRAILER_BYTES, 'fuzz');
      check(decodeIndex(bytes, end, 'fuzz'), end);
      accepted++;
    } catch (error) {
      if (error instanceof PagerError) continue;
      console.error(`run ${at}: ${(error as Error).stack}`);
      console.error(Buffer.from(bytes).toString('base64'));
      return false;
    }
  }
  console.log(`${accepted} of ${options.runs} accepted`);
  return true;
}
