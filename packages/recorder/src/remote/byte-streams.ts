// SPDX-License-Identifier: Apache-2.0
// Recordings as streams of bytes, in blocks: of a stopped recording its chunks one after the other; of a
// running one its chunks as they grow, for the JDK's RemoteRecordingStream (stream version 1.0).
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ChunkHeader,
  decodeHeader,
  encodeHeader,
  HEADER_SIZE,
  STATE_FINISHED,
  STATE_UPDATING,
} from '@rekindle/jfr/writing';
import { listChunks } from '../growing-chunk.ts';

export interface ByteStream {
  /** The next block; empty: nothing new yet; null: the end. */
  read(): Uint8Array | null;
  close(): void;
}

/** Files that are complete, opened now so that nobody can remove them. */
export function fileStream(paths: readonly string[], blockSize: number): ByteStream {
  const descriptors = paths.map((path) => openSync(path, 'r'));
  let at = 0;
  return {
    read() {
      while (at < descriptors.length) {
        const block = new Uint8Array(blockSize);
        const count = readSync(descriptors[at]!, block, 0, blockSize, null);
        if (count > 0) return block.subarray(0, count);
        at++;
      }
      return null;
    },
    close() {
      for (const descriptor of descriptors.splice(0)) closeSync(descriptor);
    },
  };
}

/** A repository as it grows, from the chunk that is going on at `fromNanos` or the first after. */
export class LiveStream implements ByteStream {
  readonly #directory: string;
  readonly #blockSize: number;
  /** Whether more is to come once everything there is was read. */
  readonly #goesOn: () => boolean;
  #next: bigint;
  #descriptor = -1;
  #position = 0;

  constructor(directory: string, fromNanos: bigint, blockSize: number, goesOn: () => boolean) {
    this.#directory = directory;
    this.#next = fromNanos;
    this.#blockSize = blockSize;
    this.#goesOn = goesOn;
  }

  read(): Uint8Array | null {
    // asked before looking: what is written in between is found then
    const goesOn = this.#goesOn();
    for (;;) {
      if (this.#descriptor < 0 && !this.#open()) return goesOn ? new Uint8Array(0) : null;
      const header = readHeader(this.#descriptor);
      if (header === undefined || header.metadataPosition === 0) return new Uint8Array(0);
      if (this.#position < header.size) return this.#block(header);
      if (header.state !== STATE_FINISHED) return goesOn ? new Uint8Array(0) : null;
      this.#next = header.startNanos + header.durationNanos;
      this.close();
    }
  }

  close(): void {
    if (this.#descriptor >= 0) closeSync(this.#descriptor);
    this.#descriptor = -1;
    this.#position = 0;
  }

  #block(header: ChunkHeader): Uint8Array {
    const block = new Uint8Array(Math.min(this.#blockSize, header.size - this.#position));
    const count = readSync(this.#descriptor, block, 0, block.length, this.#position);
    if (this.#position === 0) {
      // The client finds the size in ChunkHeader checkpoints; the first header is that of a new chunk.
      const first = encodeHeader({
        ...header,
        size: HEADER_SIZE,
        constantPoolPosition: 0,
        metadataPosition: 0,
        durationNanos: 0n,
        state: 1,
      });
      block.set(first.subarray(0, block.length));
    }
    this.#position += count;
    return block.subarray(0, count);
  }

  #open(): boolean {
    let best: { start: bigint; descriptor: number } | undefined;
    for (const name of listChunks(this.#directory)) {
      let descriptor: number;
      try {
        descriptor = openSync(join(this.#directory, name), 'r');
      } catch {
        continue;
      }
      const header = readHeader(descriptor);
      const wanted =
        header !== undefined &&
        (header.startNanos >= this.#next ||
          header.state !== STATE_FINISHED ||
          header.startNanos + header.durationNanos > this.#next);
      if (wanted && (best === undefined || header.startNanos < best.start)) {
        if (best !== undefined) closeSync(best.descriptor);
        best = { start: header.startNanos, descriptor };
      } else {
        closeSync(descriptor);
      }
    }
    this.#descriptor = best?.descriptor ?? -1;
    return best !== undefined;
  }
}

/** Undefined while the header is being rewritten. */
function readHeader(descriptor: number): ChunkHeader | undefined {
  const bytes = new Uint8Array(HEADER_SIZE);
  const again = new Uint8Array(HEADER_SIZE);
  if (readSync(descriptor, bytes, 0, HEADER_SIZE, 0) < HEADER_SIZE) return undefined;
  readSync(descriptor, again, 0, HEADER_SIZE, 0);
  const header = decodeHeader(bytes);
  const whole = bytes.every((byte, index) => byte === again[index]);
  return whole && header.state !== STATE_UPDATING ? header : undefined;
}
