// SPDX-License-Identifier: Apache-2.0
// LZ4 frames (lz4_Frame_format.md 1.6), unpacked as they come in. Ours because nothing on npm will do:
// the packages in pure JavaScript hold all of the output and check neither bounds nor checksums.
//
//   frame := magic, flags, block size code, [content size 8], [dictionary id 4], header checksum 1,
//            blocks (size 4, top bit: stored as it is; bytes; [checksum 4]), 0 4, [content checksum 4]
//   block := sequences (token; literals; distance back 2; length of the match), the last without match
import { PackedInput, UnpackError } from './packed-input.ts';
import { Xxh32, xxh32 } from './xxh32.ts';

const FRAME = 0x184d2204;
/** The low four bits are free. */
const SKIPPABLE = 0x184d2a50;
/** How far back a match may reach, into blocks before its own as well. */
const WINDOW = 64 << 10;
const BLOCK_BYTES: readonly number[] = [0, 0, 0, 0, 64 << 10, 256 << 10, 1 << 20, 4 << 20];
const SHORTEST_MATCH = 4;

/** Unpacks frames, one after the other; at most 4 MiB are in memory. Throws UnpackError. */
export async function* unpackLz4(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const input = new PackedInput(packed);
  while (await input.more()) {
    const magic = await input.u32();
    if (magic === FRAME) yield* unpackFrame(input);
    else if ((magic & 0xfffffff0) === SKIPPABLE) await input.skip(await input.u32());
    else throw new UnpackError('is followed by something that is no LZ4 frame');
  }
}

interface FrameHeader {
  readonly blockBytes: number;
  readonly independent: boolean;
  readonly blockChecksums: boolean;
  readonly contentChecksum: boolean;
}

async function readHeader(input: PackedInput): Promise<FrameHeader> {
  const [flags = 0, code = 0] = await input.take(2);
  if (flags >> 6 !== 1) throw new UnpackError('is a version of LZ4 that is not known');
  if ((flags & 1) !== 0) throw new UnpackError('needs the dictionary it was packed with');
  const contentSize = await input.take((flags & 8) !== 0 ? 8 : 0);
  const [checksum] = await input.take(1);
  const descriptor = Uint8Array.of(flags, code, ...contentSize);
  const blockBytes = BLOCK_BYTES[(code >> 4) & 7]!;
  if (blockBytes === 0 || checksum !== ((xxh32(descriptor) >>> 8) & 0xff)) {
    throw new UnpackError('has a broken frame header');
  }
  return {
    blockBytes,
    independent: (flags & 0x20) !== 0,
    blockChecksums: (flags & 0x10) !== 0,
    contentChecksum: (flags & 4) !== 0,
  };
}

async function* unpackFrame(input: PackedInput): AsyncGenerator<Uint8Array> {
  const { blockBytes, independent, blockChecksums, contentChecksum } = await readHeader(input);
  const room = new Uint8Array(WINDOW + blockBytes);
  const hash = new Xxh32();
  /** Bytes at the start of the room that matches may refer to. */
  let before = 0;
  for (let word = await input.u32(); word !== 0; word = await input.u32()) {
    const stored = word >= 0x80000000;
    const length = stored ? word - 0x80000000 : word;
    if (length > blockBytes) throw new UnpackError('has a block of more than its frame allows');
    const block = await input.take(length);
    if (blockChecksums && (await input.u32()) !== xxh32(block)) throw mismatch();
    let end = before + length;
    if (stored) room.set(block, before);
    else end = unpackBlock(block, room, before, before + blockBytes);
    const unpacked = room.slice(before, end);
    if (contentChecksum) hash.add(unpacked);
    yield unpacked;
    if (independent) continue;
    if (end > WINDOW) room.copyWithin(0, end - WINDOW, end);
    before = Math.min(end, WINDOW);
  }
  if (contentChecksum && (await input.u32()) !== hash.digest()) throw mismatch();
}

function mismatch(): UnpackError {
  return new UnpackError('does not match its checksum');
}

/** Unpacks a block behind `start` and returns the end, which is `limit` at most. */
function unpackBlock(block: Uint8Array, room: Uint8Array, start: number, limit: number): number {
  let from = 0;
  let to = start;
  /** A length of 15 goes on in bytes that are added up, to one that is not 255. */
  const longer = (length: number): number => {
    let sum = length;
    if (length < 15) return sum;
    for (let byte = 255; byte === 255; ) {
      if (from >= block.length) throw broken();
      byte = block[from++]!;
      sum += byte;
    }
    return sum;
  };
  while (from < block.length) {
    const token = block[from++]!;
    const literals = longer(token >> 4);
    if (literals > block.length - from || literals > limit - to) throw broken();
    room.set(block.subarray(from, from + literals), to);
    from += literals;
    to += literals;
    if (from === block.length) return to;
    if (from + 2 > block.length) throw broken();
    const distance = block[from]! | (block[from + 1]! << 8);
    from += 2;
    const match = longer(token & 15) + SHORTEST_MATCH;
    if (distance === 0 || distance > to || match > limit - to) throw broken();
    if (distance >= match) room.copyWithin(to, to - distance, to - distance + match);
    else for (let at = to; at < to + match; at++) room[at] = room[at - distance]!;
    to += match;
  }
  // a block ends with literals
  throw broken();
}

function broken(): UnpackError {
  return new UnpackError('has a broken block');
}
