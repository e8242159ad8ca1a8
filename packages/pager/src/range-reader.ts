// SPDX-License-Identifier: Apache-2.0
// Where the bytes of a compact memory come from: a file, or a server that answers ranges.

import { webcrypto } from 'node:crypto';
import { closeSync, fstatSync, mkdirSync, openSync, read, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { TRAILER_BYTES } from './compact-format.ts';
import { PagerError } from './pager-error.ts';

/** Reads pieces of something whose size it knows. */
export interface RangeReader {
  /** For people. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /**
   * @param hash SHA-256 that the piece must have; a cache is asked for it first
   * @throws PagerError MEMORY_SOURCE when it cannot be had or is not what the hash says
   */
  read(offset: number, length: number, hash: Uint8Array | undefined): Promise<Uint8Array>;
  /** Gives up what is under way over a network; its reads fail. */
  abort(): void;
  /** Nothing may be under way. */
  close(): void;
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

const readAside = promisify(read);

/** Reads in a thread of the pool that Node.js keeps. */
async function readPiece(
  fd: number,
  offset: number,
  length: number,
): Promise<Uint8Array | undefined> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await readAside(fd, bytes, done, length - done, offset + done);
    if (bytesRead === 0) return undefined;
    done += bytesRead;
  }
  return bytes;
}

/** Whether bytes have a hash; counted in a thread of the pool, too. */
async function has(hash: Uint8Array, bytes: Uint8Array): Promise<boolean> {
  const digest = await webcrypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
  return same(new Uint8Array(digest), hash);
}

const altered = (name: string, offset: number): PagerError =>
  new PagerError(
    'MEMORY_SOURCE',
    'what is stored there is not what was saved (hash differs)',
    `${name} byte ${offset}`,
    'the file was altered or damaged; fetch or make it again',
  );

/** Pieces of a local file. */
export class FileRanges implements RangeReader {
  readonly name: string;
  readonly size: number;
  readonly #fd: number;

  constructor(path: string) {
    this.name = path;
    try {
      this.#fd = openSync(path, 'r');
    } catch (error) {
      throw new PagerError('MEMORY_SOURCE', (error as Error).message, path);
    }
    this.size = fstatSync(this.#fd).size;
  }

  async read(offset: number, length: number, hash: Uint8Array | undefined): Promise<Uint8Array> {
    const bytes = await readPiece(this.#fd, offset, length);
    if (bytes === undefined) {
      throw new PagerError(
        'MEMORY_SOURCE',
        'the file ends too early',
        `${this.name} byte ${offset}`,
      );
    }
    if (hash !== undefined && !(await has(hash, bytes))) throw altered(this.name, offset);
    return bytes;
  }

  abort(): void {}

  close(): void {
    closeSync(this.#fd);
  }
}

const TRIES = 3;
const PAUSE_MILLIS = 100;
const TIMEOUT_MILLIS = 10_000;

/**
 * Pieces from an HTTP server, kept in a sparse local file at the same places. What is in the cache is believed
 * only if it has the right hash, so it needs no book-keeping and may be damaged or shared.
 */
export class HttpRanges implements RangeReader {
  readonly name: string;
  readonly size: number;
  readonly #cache: number | undefined;
  readonly #given = new AbortController();
  /** Bytes that came over the network. */
  fetched = 0;

  private constructor(url: string, size: number, cache: number | undefined) {
    this.name = url;
    this.size = size;
    this.#cache = cache;
  }

  /** Asks the server how large it is. @param cachePath local file to keep pieces in */
  static async open(url: string, cachePath?: string): Promise<HttpRanges> {
    const response = await request(url, `bytes=-${TRAILER_BYTES}`);
    await response.arrayBuffer();
    const total = /\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1];
    if (total === undefined) throw failed(url, 'the server does not say how large it is');
    let cache: number | undefined;
    if (cachePath !== undefined) {
      mkdirSync(dirname(cachePath), { recursive: true });
      cache = openSync(cachePath, 'a+');
      closeSync(cache);
      cache = openSync(cachePath, 'r+');
    }
    return new HttpRanges(url, Number(total), cache);
  }

  async read(offset: number, length: number, hash: Uint8Array | undefined): Promise<Uint8Array> {
    if (hash !== undefined && this.#cache !== undefined) {
      const kept = await readPiece(this.#cache, offset, length);
      if (kept !== undefined && (await has(hash, kept))) return kept;
    }
    const response = await request(
      this.name,
      `bytes=${offset}-${offset + length - 1}`,
      this.#given.signal,
    );
    const bytes = new Uint8Array(await response.arrayBuffer());
    this.fetched += bytes.length;
    if (bytes.length !== length) {
      throw failed(this.name, `${bytes.length} bytes came instead of ${length}`);
    }
    if (hash === undefined) return bytes;
    if (!(await has(hash, bytes))) throw altered(this.name, offset);
    if (this.#cache !== undefined) writeSync(this.#cache, bytes, 0, length, offset);
    return bytes;
  }

  abort(): void {
    this.#given.abort(new Error('given up'));
  }

  close(): void {
    if (this.#cache !== undefined) closeSync(this.#cache);
  }
}

const failed = (url: string, message: string): PagerError =>
  new PagerError(
    'MEMORY_SOURCE',
    message,
    url,
    'is the address right, the server up, and does it answer range requests?',
  );

async function request(url: string, range: string, given?: AbortSignal): Promise<Response> {
  let last = '';
  for (let attempt = 0; attempt < TRIES; attempt++) {
    if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLIS * attempt));
    const timeout = AbortSignal.timeout(TIMEOUT_MILLIS);
    try {
      const response = await fetch(url, {
        headers: { range, 'accept-encoding': 'identity' },
        signal: given === undefined ? timeout : AbortSignal.any([timeout, given]),
      });
      if (response.status === 206) return response;
      await response.body?.cancel();
      last = `the server answered ${response.status} instead of 206`;
      if (response.status < 500) break;
    } catch (error) {
      const { message, cause } = error as Error;
      last = cause instanceof Error ? `${message}: ${cause.message}` : message;
      if (given?.aborted === true) break;
    }
  }
  throw failed(url, last);
}
