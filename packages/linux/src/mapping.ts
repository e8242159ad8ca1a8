// SPDX-License-Identifier: Apache-2.0

import { scratch } from './arena.ts';
import {
  errno,
  madvise,
  mincore,
  mmap,
  munmap,
  pread,
  syscall,
  syscalls,
  view,
} from './foreign.ts';
import { checked, ERRNO, SystemError } from './system-error.ts';

const PROT_READ = 1;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 0x01;
const MAP_PRIVATE = 0x02;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = 0x20;
const MAP_NORESERVE = 0x4000;

/** madvise(2) advice. POPULATE_READ needs Linux 5.14. */
export const ADVICE: Readonly<
  Record<
    'random' | 'sequential' | 'willneed' | 'dontneed' | 'populateRead' | 'populateWrite',
    number
  >
> = {
  random: 1,
  sequential: 2,
  willneed: 3,
  dontneed: 4,
  populateRead: 22,
  populateWrite: 23,
};

/** Memory that this process mapped. Addresses and lengths are bytes. */
export class Mapping {
  readonly address: number;
  readonly length: number;
  readonly #place: string;
  #mapped = true;

  constructor(address: number, length: number, place: string) {
    this.address = address;
    this.length = length;
    this.#place = place;
  }

  /**
   * The memory as an ArrayBuffer without a copy. It must not be touched after {@link unmap}; a shared
   * file that shrinks underneath kills the process with SIGBUS.
   */
  bytes(offset = 0, length: number = this.length - offset): ArrayBuffer {
    this.#inside(offset, length);
    return view(this.address + offset, length);
  }

  /** Gives the kernel advice about a part. @returns false when this kernel does not know the advice */
  advise(advice: number, offset = 0, length: number = this.length - offset): boolean {
    if (!this.#mapped) throw new RangeError(`${this.#place} is no longer mapped`);
    if (madvise(this.address + offset, length, advice) === 0) return true;
    const value = errno();
    if (value === ERRNO.EINVAL) return false;
    throw new SystemError('madvise', value, this.#place);
  }

  /**
   * Lets a part of this mapping show a file instead, privately, without copying it. Every such part
   * counts against the process's limit of mappings (vm.max_map_count, 65530 by default).
   */
  overlay(fd: number, offset: number, length: number): void {
    this.#inside(offset, length);
    const flags = MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED;
    checked(
      mmap(this.address + offset, length, PROT_READ_WRITE, flags, fd, offset),
      'mmap',
      this.#place,
    );
  }

  /** Reads a part of a file into the same part of this writable mapping. */
  readFrom(fd: number, offset: number, length: number): void {
    this.#inside(offset, length);
    for (let done = 0; done < length; ) {
      const at = offset + done;
      const count = checked(pread(fd, this.address + at, length - done, at), 'pread', this.#place);
      if (count === 0) throw new RangeError(`${this.#place}: the file ends at ${at}`);
      done += count;
    }
  }

  #inside(offset: number, length: number): void {
    if (!this.#mapped) throw new RangeError(`${this.#place} is no longer mapped`);
    if (offset < 0 || length < 0 || offset + length > this.length) {
      throw new RangeError(`[${offset}, ${offset + length}) is outside ${this.length} bytes`);
    }
  }

  /** Which pages of 4 KiB are in memory now: of a file, in the page cache. One byte per page, 1 or 0. */
  residency(offset = 0, length: number = this.length - offset): Uint8Array {
    this.#inside(offset, length);
    const pages = Math.ceil(length / 4096);
    const vector = mapAnonymous(pages);
    try {
      checked(mincore(this.address + offset, length, vector.address), 'mincore', this.#place);
      return new Uint8Array(vector.bytes()).map((byte) => byte & 1);
    } finally {
      vector.unmap();
    }
  }

  /** Brings every page of writable memory in now, so that no later touch is a fault. */
  populate(): void {
    if (this.advise(ADVICE.populateWrite)) return;
    const bytes = new Uint8Array(this.bytes());
    for (let at = 0; at < bytes.length; at += 4096) Atomics.add(bytes, at, 0);
  }

  /** Idempotent. Every view must have been dropped. */
  unmap(): void {
    if (!this.#mapped) return;
    this.#mapped = false;
    checked(munmap(this.address, this.length), 'munmap', this.#place);
  }
}

function map(
  length: number,
  prot: number,
  flags: number,
  fd: number,
  offset: number,
  place: string,
) {
  return new Mapping(
    checked(mmap(0, length, prot, flags, fd, offset), 'mmap', place),
    length,
    place,
  );
}

/**
 * Maps a file privately: for reading, or writable in memory only. The descriptor may be closed afterwards.
 */
export function mapFile(fd: number, length: number, options: { writable?: boolean } = {}): Mapping {
  const prot = options.writable === true ? PROT_READ_WRITE : PROT_READ;
  return map(length, prot, MAP_PRIVATE | MAP_NORESERVE, fd, 0, `descriptor ${fd}`);
}

/** Maps a descriptor (a memfd) for reading and writing, shared with everyone who maps it. */
export function mapShared(fd: number, length: number): Mapping {
  return map(length, PROT_READ_WRITE, MAP_SHARED, fd, 0, `descriptor ${fd}`);
}

/** Fresh zeroed memory; pages appear when touched. */
export function mapAnonymous(length: number): Mapping {
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  return map(length, PROT_READ_WRITE, flags, -1, 0, 'anonymous memory');
}

const MFD_CLOEXEC = 1;

/**
 * An anonymous file in memory, of length 0, closed on exec unless passed on explicitly.
 * memfd_create(2)
 */
export function createMemoryFile(name: string): number {
  const text = new TextEncoder().encode(`${name}\0`);
  const block = scratch(text.length);
  new Uint8Array(block.bytes).set(text);
  return checked(
    syscall(syscalls().memfdCreate, block.address, MFD_CLOEXEC, 0, 0),
    'memfd_create',
    name,
  );
}
