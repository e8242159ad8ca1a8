// SPDX-License-Identifier: Apache-2.0
// A compact memory: zero pages not stored at all, equal pages once, the rest compressed in frames that
// can be fetched one by one, each with its hash. Little endian:
//
//   frames, one after the other: zstd of up to 64 distinct pages
//   index, zstd of:
//      0  u64 memory size, bytes      8 u32 pages per frame     12 u32 distinct pages
//     16  32  SHA-256 of the memory file
//     48  u32 per page of the memory: 0 zero, else 1 + number of the distinct page
//         48 bytes per frame: u64 offset, u32 bytes, u32 0, 32 SHA-256 of the frame as stored
//   trailer, the last 64 bytes:
//      0   8  magic "RKCOMPCT"        8 u16 version = 1        10 u16 0    12 u32 page size
//     16  u64 offset of the index    24 u32 its bytes         28 u32 its bytes uncompressed
//     32  32  SHA-256 of the index as stored
import { createHash } from 'node:crypto';
import { PagerError } from './pager-error.ts';

export const TRAILER_BYTES = 64 as const;
export const FRAME_PAGES = 64 as const;
const MAGIC = 'RKCOMPCT';
const VERSION = 1;
const PAGE_SIZE = 4096;
const INDEX_HEADER = 48;
const FRAME_ENTRY = 48;
const HASH = 32;
/** An index of 256 GiB of memory has about 300 MB: more is a mistake or an attack. */
const MOST_INDEX = 2 ** 29;

/** A frame as it is stored. */
export interface Frame {
  readonly offset: number;
  readonly bytes: number;
  /** SHA-256. */
  readonly hash: Uint8Array;
}

export interface CompactIndex {
  readonly memoryBytes: number;
  readonly framePages: number;
  readonly distinctPages: number;
  /** SHA-256 of the memory file, hexadecimal. */
  readonly memoryHash: string;
  /** Per page of the memory: 0 for zero, else 1 + number of its distinct page. */
  readonly table: Uint32Array;
  readonly frames: readonly Frame[];
}

export interface Trailer {
  readonly indexOffset: number;
  readonly indexBytes: number;
  /** Uncompressed. */
  readonly indexLength: number;
  readonly indexHash: Uint8Array;
}

const damaged = (place: string, message: string): PagerError =>
  new PagerError('MEMORY_SOURCE', message, place, 'make it again: rekindle pager compact');

export const sha256 = (bytes: Uint8Array): Uint8Array =>
  new Uint8Array(createHash('sha256').update(bytes).digest());

/** Whether a file that ends with these bytes is a compact memory. */
export const isCompact = (trailer: Uint8Array): boolean =>
  trailer.length === TRAILER_BYTES &&
  Buffer.from(trailer.subarray(0, 8)).toString('latin1') === MAGIC;

export function encodeTrailer(trailer: Trailer): Uint8Array {
  const bytes = new Uint8Array(TRAILER_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(Buffer.from(MAGIC, 'latin1'));
  view.setUint16(8, VERSION, true);
  view.setUint32(12, PAGE_SIZE, true);
  view.setBigUint64(16, BigInt(trailer.indexOffset), true);
  view.setUint32(24, trailer.indexBytes, true);
  view.setUint32(28, trailer.indexLength, true);
  bytes.set(trailer.indexHash, 32);
  return bytes;
}

/** @param fileBytes size of the file, to hold the trailer against @throws PagerError MEMORY_SOURCE */
export function decodeTrailer(bytes: Uint8Array, fileBytes: number, place: string): Trailer {
  if (!isCompact(bytes)) throw damaged(place, 'not a compact memory');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const version = view.getUint16(8, true);
  if (version !== VERSION)
    throw damaged(place, `version ${version}, this program reads ${VERSION}`);
  if (view.getUint32(12, true) !== PAGE_SIZE) throw damaged(place, 'its page size is not 4096');
  const indexOffset = Number(view.getBigUint64(16, true));
  const indexBytes = view.getUint32(24, true);
  const indexLength = view.getUint32(28, true);
  if (indexOffset + indexBytes + TRAILER_BYTES !== fileBytes) {
    throw damaged(place, `${fileBytes} bytes, its trailer says ${indexOffset + indexBytes + 64}`);
  }
  if (indexLength < INDEX_HEADER || indexLength > MOST_INDEX) {
    throw damaged(place, `an index of ${indexLength} bytes`);
  }
  return { indexOffset, indexBytes, indexLength, indexHash: bytes.slice(32, 64) };
}

export function encodeIndex(index: CompactIndex): Uint8Array {
  const { table, frames } = index;
  const bytes = new Uint8Array(INDEX_HEADER + 4 * table.length + FRAME_ENTRY * frames.length);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(index.memoryBytes), true);
  view.setUint32(8, index.framePages, true);
  view.setUint32(12, index.distinctPages, true);
  bytes.set(Buffer.from(index.memoryHash, 'hex'), 16);
  for (const [page, entry] of table.entries()) {
    view.setUint32(INDEX_HEADER + 4 * page, entry, true);
  }
  let at = INDEX_HEADER + 4 * table.length;
  for (const frame of frames) {
    view.setBigUint64(at, BigInt(frame.offset), true);
    view.setUint32(at + 8, frame.bytes, true);
    bytes.set(frame.hash, at + 16);
    at += FRAME_ENTRY;
  }
  return bytes;
}

/**
 * @param bytes the index, uncompressed
 * @param end where the frames end in the file
 * @throws PagerError MEMORY_SOURCE naming what does not hold together
 */
export function decodeIndex(bytes: Uint8Array, end: number, place: string): CompactIndex {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < INDEX_HEADER) throw damaged(place, 'its index is too short');
  const memoryBytes = Number(view.getBigUint64(0, true));
  const framePages = view.getUint32(8, true);
  const distinctPages = view.getUint32(12, true);
  const pages = memoryBytes / PAGE_SIZE;
  if (!Number.isInteger(pages) || pages < 1 || pages > MOST_INDEX) {
    throw damaged(place, `a memory of ${memoryBytes} bytes`);
  }
  if (framePages < 1 || framePages > 4096) throw damaged(place, `${framePages} pages per frame`);
  const frameCount = Math.ceil(distinctPages / framePages);
  if (bytes.length !== INDEX_HEADER + 4 * pages + FRAME_ENTRY * frameCount) {
    throw damaged(place, `an index of ${bytes.length} bytes for ${pages} pages`);
  }
  const table = new Uint32Array(pages);
  for (let page = 0; page < pages; page++) {
    const entry = view.getUint32(INDEX_HEADER + 4 * page, true);
    if (entry > distinctPages) throw damaged(place, `page ${page} names distinct page ${entry}`);
    table[page] = entry;
  }
  const frames: Frame[] = [];
  for (let at = INDEX_HEADER + 4 * pages; at < bytes.length; at += FRAME_ENTRY) {
    const offset = Number(view.getBigUint64(at, true));
    const length = view.getUint32(at + 8, true);
    if (length === 0 || offset + length > end) {
      throw damaged(place, `frame ${frames.length} lies outside the file`);
    }
    frames.push({ offset, bytes: length, hash: bytes.slice(at + 16, at + 16 + HASH) });
  }
  const memoryHash = Buffer.from(bytes.subarray(16, 16 + HASH)).toString('hex');
  return { memoryBytes, framePages, distinctPages, memoryHash, table, frames };
}
