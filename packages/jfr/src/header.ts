// SPDX-License-Identifier: Apache-2.0
// The chunk header: 68 bytes, big-endian (everything after it is little-endian varints, floats
// excepted). A file is a sequence of chunks, each beginning with one of these.
//
//    0  4 bytes  magic                 46 4C 52 00, "FLR\0"
//    4  u2       major                 2 (1 is accepted)
//    6  u2       minor                 0 or 1
//    8  s8       size                  of the chunk, header included; next chunk at +size
//   16  s8       constantPoolPosition  of the last checkpoint, from the chunk's start; 0: none yet
//   24  s8       metadataPosition      of the newest metadata event; 0: none yet
//   32  s8       startNanos            wall clock, nanoseconds since 1970
//   40  s8       durationNanos
//   48  s8       startTicks            tick value at chunk start
//   56  s8       ticksPerSecond
//   64  u1       state                 0 finished, 1..254 generation of a live chunk, 255 being updated
//   65  u1       pad                   0
//   66  u2       flags                 bit 0: compressed integers, bit 1: last chunk of the stream
//
// Source: jdk.jfr.internal.consumer.ChunkHeader and jfrChunkWriter.cpp (JDK 17 and 25). Older texts call
// bytes 64..67 one u4 "features"; taking them so misjudges live chunks.
import { ByteCursor, ByteSink } from '@rekindle/bytes';
import { JfrError } from './error.ts';

export const HEADER_SIZE = 68;
export const MAGIC = 0x464c5200;
/** Offset of the state byte, the guard around updates of a live header. */
export const STATE_OFFSET = 64;
/** Offset of the first field that an update of a live header rewrites (size). */
export const UPDATE_OFFSET = 8;
export const STATE_FINISHED = 0;
/** State while the other fields are being rewritten: what is read now may be torn. */
export const STATE_UPDATING = 255;
/** Highest generation; the next one is 1 again. */
export const MAX_GENERATION = 254;
export const FLAG_COMPRESSED = 1;
export const FLAG_FINAL = 2;

export interface ChunkHeader {
  readonly major: number;
  readonly minor: number;
  /** Bytes, header included. */
  readonly size: number;
  /** Bytes from the start of the chunk; 0 = none. */
  readonly constantPoolPosition: number;
  /** Bytes from the start of the chunk; 0 = none. */
  readonly metadataPosition: number;
  /** Nanoseconds since 1970. */
  readonly startNanos: bigint;
  readonly durationNanos: bigint;
  readonly startTicks: bigint;
  readonly ticksPerSecond: bigint;
  /** 0 finished, 1..254 generation of a live chunk, 255 being updated. */
  readonly state: number;
  /** Bits: {@link FLAG_COMPRESSED}, {@link FLAG_FINAL}. */
  readonly flags: number;
}

/** The 68 bytes of a header. */
export function encodeHeader(header: ChunkHeader): Uint8Array<ArrayBuffer> {
  const sink = new ByteSink(HEADER_SIZE);
  sink.u32be(MAGIC);
  sink.u16be(header.major);
  sink.u16be(header.minor);
  sink.i64be(BigInt(header.size));
  sink.i64be(BigInt(header.constantPoolPosition));
  sink.i64be(BigInt(header.metadataPosition));
  sink.i64be(header.startNanos);
  sink.i64be(header.durationNanos);
  sink.i64be(header.startTicks);
  sink.i64be(header.ticksPerSecond);
  sink.u8(header.state);
  sink.u8(0);
  sink.u16be(header.flags);
  return sink.copy();
}

/**
 * Reads the header at `at`. Checks what can be judged from 68 bytes alone (magic, major version, sizes
 * and positions that are integers from 0 to 2^53); whether size and positions fit the file is the
 * caller's business. `base` is added to the offsets in errors.
 */
export function decodeHeader(bytes: Uint8Array, at = 0, base = 0): ChunkHeader {
  const offset = base + at;
  if (bytes.length - at < HEADER_SIZE) {
    throw new JfrError(
      'JFR_TRUNCATED',
      `a chunk header takes ${HEADER_SIZE} bytes, ${Math.max(0, bytes.length - at)} are left`,
      { offset },
    );
  }
  const cursor = new ByteCursor(bytes, at, at + HEADER_SIZE);
  if (cursor.u32be() !== MAGIC) {
    throw new JfrError('JFR_NOT_A_RECORDING', 'no Flight Recorder chunk begins here', { offset });
  }
  const major = cursor.u16be();
  const minor = cursor.u16be();
  if (major !== 1 && major !== 2) {
    throw new JfrError('JFR_UNSUPPORTED_VERSION', `version ${major}.${minor} is not supported`, {
      offset: offset + 4,
    });
  }
  const size = position(cursor, 'size', base);
  const constantPoolPosition = position(cursor, 'constant pool position', base);
  const metadataPosition = position(cursor, 'metadata position', base);
  const startNanos = cursor.i64be();
  const durationNanos = cursor.i64be();
  const startTicks = cursor.i64be();
  const ticksPerSecond = cursor.i64be();
  const state = cursor.u8();
  cursor.skip(1);
  const flags = cursor.u16be();
  return {
    major,
    minor,
    size,
    constantPoolPosition,
    metadataPosition,
    startNanos,
    durationNanos,
    startTicks,
    ticksPerSecond,
    state,
    flags,
  };
}

function position(cursor: ByteCursor, what: string, base: number): number {
  const offset = base + cursor.position;
  const value = cursor.i64be();
  if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new JfrError('JFR_CORRUPT', `${what} ${value} in a chunk header`, { offset });
  }
  return Number(value);
}
