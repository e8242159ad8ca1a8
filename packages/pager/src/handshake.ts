// SPDX-License-Identifier: Apache-2.0
// Firecracker's page-fault handshake: one JSON array, without length prefix or terminator, and one
// descriptor beside it. Source: guest_memory_from_uffd and send_uffd_handshake in Firecracker's
// src/vmm/src/persist.rs, v1.4 to v1.16.
//
//   [{"base_host_virt_addr": u64, "size": bytes, "offset": bytes in the memory file,
//     "page_size": bytes (since 1.12), "page_size_kib": bytes as well, despite its name (since 1.7)}, ...]
//
// Ours, not Firecracker's: "shared_inode", the number of the file in memory that the VMM maps privately and that
// clones share (native/uffd-preload.c).
import { hex, PagerError } from './pager-error.ts';

/** A stretch of guest memory as the VMM mapped it; all bytes. */
export interface HandshakeRegion {
  /** Start in the VMM's address space. */
  readonly hostVirtual: number;
  readonly size: number;
  /** Position in the memory file. */
  readonly offset: number;
  readonly pageSize: number;
  /** Of the file that clones share and this VMM maps, if it does. */
  readonly sharedInode?: number;
}

/** Longest message that is believed: Firecracker's has some 120 bytes per region. */
export const HANDSHAKE_LIMIT: number = 1 << 20;
const MAX_REGIONS = 4096;
const PAGE_SIZES = new Set([4096, 2 << 20]);
const WHITESPACE = new Set([0x20, 0x09, 0x0a, 0x0d]);

/** Collects the pieces of a handshake until the JSON value is complete. */
export class HandshakeReader {
  #bytes = new Uint8Array(4096);
  #length = 0;
  #scanned = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #started = false;
  #regions: HandshakeRegion[] | undefined;

  /** Bytes received so far. */
  get length(): number {
    return this.#length;
  }

  /**
   * Takes the next piece of the stream.
   * @returns the regions once the array is complete, undefined before
   * @throws PagerError HANDSHAKE_INVALID as soon as it cannot become a handshake any more
   */
  push(piece: Uint8Array): HandshakeRegion[] | undefined {
    this.#append(piece);
    if (this.#regions !== undefined) {
      this.#refuseTrailing();
      return this.#regions;
    }
    for (; this.#scanned < this.#length; this.#scanned++) {
      if (this.#completedBy(this.#bytes[this.#scanned]!)) {
        this.#scanned++;
        this.#refuseTrailing();
        const text = new TextDecoder().decode(this.#bytes.subarray(0, this.#length));
        this.#regions = parseHandshake(text);
        return this.#regions;
      }
    }
    return undefined;
  }

  #append(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > HANDSHAKE_LIMIT) {
      throw invalid(`more than ${HANDSHAKE_LIMIT} bytes without an end`, length);
    }
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(length, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = length;
  }

  /** Follows brackets and strings; true when `byte` closes the outermost array. */
  #completedBy(byte: number): boolean {
    if (!this.#started) {
      if (WHITESPACE.has(byte)) return false;
      if (byte !== 0x5b) throw invalid('expected a JSON array of regions', this.#scanned);
      this.#started = true;
      this.#depth = 1;
      return false;
    }
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false;
      else if (byte === 0x5c) this.#escaped = true;
      else if (byte === 0x22) this.#inString = false;
      return false;
    }
    if (byte === 0x22) this.#inString = true;
    else if (byte === 0x5b || byte === 0x7b) this.#depth++;
    else if (byte === 0x5d || byte === 0x7d) this.#depth--;
    return this.#depth === 0;
  }

  #refuseTrailing(): void {
    for (let at = this.#scanned; at < this.#length; at++) {
      if (!WHITESPACE.has(this.#bytes[at]!)) throw invalid('bytes after the end of the array', at);
    }
  }
}

const HINT = 'the peer must be a VMM that restores with a userfaultfd memory backend';

const invalid = (message: string, at: number): PagerError =>
  new PagerError('HANDSHAKE_INVALID', message, `handshake byte ${at}`, HINT);

const invalidRegion = (message: string, index: number): PagerError =>
  new PagerError('HANDSHAKE_INVALID', message, `handshake region ${index}`, HINT);

/**
 * Reads and checks a complete message. Regions come back ordered by offset; they are aligned to their page
 * size, follow each other in the file without gap or overlap, and do not overlap in memory.
 */
export function parseHandshake(text: string): HandshakeRegion[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid(`not JSON: ${(error as Error).message}`, 0);
  }
  if (!Array.isArray(value)) throw invalid('expected a JSON array of regions', 0);
  if (value.length === 0) throw invalid('the array of regions is empty', 0);
  if (value.length > MAX_REGIONS) throw invalid(`more than ${MAX_REGIONS} regions`, 0);
  const regions = value.map(parseRegion).sort((a, b) => a.offset - b.offset);
  checkFileOrder(regions);
  checkMemoryOverlap(regions);
  return regions;
}

function parseRegion(value: unknown, index: number): HandshakeRegion {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidRegion('not an object', index);
  }
  const record = value as Record<string, unknown>;
  const field = (name: string): number => {
    const number = record[name];
    if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0) {
      throw invalidRegion(`${name} is ${describe(number)}, not a whole number of bytes`, index);
    }
    return number;
  };
  const pageSize =
    record.page_size != null
      ? field('page_size')
      : record.page_size_kib != null
        ? field('page_size_kib')
        : 4096;
  if (!PAGE_SIZES.has(pageSize)) {
    throw invalidRegion(`page size ${pageSize} is neither 4096 nor 2097152 bytes`, index);
  }
  const region = {
    hostVirtual: field('base_host_virt_addr'),
    size: field('size'),
    offset: field('offset'),
    pageSize,
    ...(record.shared_inode == null ? {} : { sharedInode: field('shared_inode') }),
  };
  if (region.size === 0) throw invalidRegion('size is 0', index);
  for (const name of ['hostVirtual', 'size', 'offset'] as const) {
    if (region[name] % pageSize !== 0) {
      throw invalidRegion(`${name} ${hex(region[name])} is not a multiple of ${pageSize}`, index);
    }
  }
  if (!Number.isSafeInteger(region.hostVirtual + region.size)) {
    throw invalidRegion('its end is beyond any address', index);
  }
  return region;
}

const describe = (value: unknown): string =>
  value === undefined ? 'missing' : JSON.stringify(value).slice(0, 40);

function checkFileOrder(regions: readonly HandshakeRegion[]): void {
  let expected = 0;
  for (const [index, region] of regions.entries()) {
    if (region.offset !== expected) {
      const what = region.offset < expected ? 'overlaps the one before' : 'leaves a gap before it';
      throw invalidRegion(
        `offset ${hex(region.offset)} ${what} (expected ${hex(expected)})`,
        index,
      );
    }
    if (region.pageSize !== regions[0]!.pageSize) {
      throw invalidRegion('page size differs from that of the first region', index);
    }
    expected += region.size;
  }
}

function checkMemoryOverlap(regions: readonly HandshakeRegion[]): void {
  const byAddress = [...regions].sort((a, b) => a.hostVirtual - b.hostVirtual);
  for (let i = 1; i < byAddress.length; i++) {
    const before = byAddress[i - 1]!;
    const region = byAddress[i]!;
    if (before.hostVirtual + before.size > region.hostVirtual) {
      throw invalidRegion(
        `address ${hex(region.hostVirtual)} lies inside another region`,
        regions.indexOf(region),
      );
    }
  }
}
