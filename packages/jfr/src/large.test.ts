// SPDX-License-Identifier: Apache-2.0
// Chunks beyond 2 GiB and files beyond 4 GiB. Their bytes are mostly zeroes that are never touched, and
// cost next to no memory.
import type { ByteSource } from '@rekindle/bytes';
import { expect, test } from 'vitest';
import { encodeHeader, HEADER_SIZE } from './header.ts';
import { openRecording } from './recording.ts';
import {
  type Bytes,
  event,
  eventClass,
  field,
  metadata,
  PRIMITIVES,
  primitive,
  varint,
} from './testing/assemble.ts';

const TYPES = metadata([
  eventClass('test.Number', 100, [field('number', primitive('int'))]),
  ...PRIMITIVES,
]);
const number = (value: number): Bytes => event(100, varint(value));
/** The head of an event of a type nobody knows, as long as the format allows. */
const FILLER = 2 ** 28 - 1;
const FILL: Bytes = [...varint(FILLER, 4), ...varint(999)];

interface Piece {
  readonly offset: number;
  readonly bytes: Bytes | Uint8Array;
}

/** A chunk at `offset`: an event, `fillers` times a quarter of a gigabyte of nothing, another event. */
function pieces(offset: number, fillers: number, first: number): { pieces: Piece[]; size: number } {
  const parts: Piece[] = [];
  let at = HEADER_SIZE;
  const add = (bytes: Bytes, length = bytes.length): void => {
    parts.push({ offset: offset + at, bytes });
    at += length;
  };
  add(TYPES);
  add(number(first));
  for (let count = 0; count < fillers; count++) add(FILL, FILLER);
  add(number(first + 1));
  const header = encodeHeader({
    major: 2,
    minor: 1,
    size: at,
    constantPoolPosition: 0,
    metadataPosition: HEADER_SIZE,
    startNanos: BigInt(first),
    durationNanos: 1n,
    startTicks: 0n,
    ticksPerSecond: 1_000_000_000n,
    state: 0,
    flags: 1,
  });
  return { pieces: [{ offset, bytes: header }, ...parts], size: at };
}

function sparse(all: readonly Piece[], byteLength: number): ByteSource {
  return {
    byteLength,
    slice(start, end) {
      const bytes = new Uint8Array(end - start);
      for (const piece of all) {
        for (const [index, byte] of piece.bytes.entries()) {
          const at = piece.offset + index - start;
          if (at >= 0 && at < bytes.length) bytes[at] = byte;
        }
      }
      return bytes;
    },
  };
}

test('a chunk of more than 2 GiB', async () => {
  const { pieces: all, size } = pieces(0, 9, 1);
  expect(size).toBeGreaterThan(2 ** 31);
  const recording = await openRecording(sparse(all, size));
  const chunk = await recording.chunk(0);
  const columns = chunk.columns('test.Number');
  expect([...columns.numbers('number')]).toEqual([1, 2]);
  const events = [...chunk.events()];
  expect(events.map((item) => item.get('number'))).toEqual([1, 2]);
  expect(events[1]!.offset).toBeGreaterThan(2 ** 31);
});

test('a file of more than 4 GiB, chunk by chunk', async () => {
  const all: Piece[] = [];
  let length = 0;
  for (const first of [1, 3, 5]) {
    const next = pieces(length, 6, first);
    all.push(...next.pieces);
    length += next.size;
  }
  expect(length).toBeGreaterThan(2 ** 32);
  const recording = await openRecording(sparse(all, length));
  expect(recording.places.map(({ offset }) => offset)).toEqual([0, length / 3, (length / 3) * 2]);
  const last = await recording.chunk(2);
  expect([...last.columns('test.Number').numbers('number')]).toEqual([5, 6]);
});

test('a chunk of 4 GiB or more is refused, not wrapped', async () => {
  const { pieces: all, size } = pieces(0, 17, 1);
  expect(size).toBeGreaterThan(2 ** 32);
  const recording = await openRecording(sparse(all, size));
  expect(recording.places[0]!.bytes).toBe(size);
  await expect(recording.chunk(0)).rejects.toMatchObject({ code: 'JFR_CHUNK_TOO_LARGE', chunk: 0 });
});
