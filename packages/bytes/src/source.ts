// SPDX-License-Identifier: Apache-2.0
import { ByteError } from './error.ts';

/**
 * Random access to bytes, wherever they live. `slice` returns exactly `end - start` bytes or throws
 * {@link ByteError} `BYTES_RANGE`; the result must not be written to (it may be a view).
 */
export interface ByteSource {
  readonly byteLength: number;
  slice(start: number, end: number): Promise<Uint8Array> | Uint8Array;
  /**
   * Reads `target.length` bytes from `start` into memory the caller uses again and again: for those who
   * pass through more than they keep. Left out where slices are views already.
   */
  read?(start: number, target: Uint8Array): Promise<void> | void;
}

/** A source over bytes in memory; slices are views. */
export function bufferSource(bytes: Uint8Array | ArrayBufferLike): ByteSource {
  const all = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
  return {
    byteLength: all.length,
    slice(start: number, end: number): Uint8Array {
      checkSlice(start, end, all.length);
      return all.subarray(start, end);
    },
  };
}

/** A source over a `Blob` or `File`, as a browser's file picker gives it. */
export function blobSource(blob: Blob): ByteSource {
  return {
    byteLength: blob.size,
    async slice(start: number, end: number): Promise<Uint8Array> {
      checkSlice(start, end, blob.size);
      return new Uint8Array(await blob.slice(start, end).arrayBuffer());
    },
  };
}

/** Refuses a slice that is not within a source of `byteLength` bytes. */
export function checkSlice(start: number, end: number, byteLength: number): void {
  if (!(start >= 0 && start <= end && end <= byteLength)) {
    throw new ByteError(
      'BYTES_RANGE',
      `bytes ${start}..${end} are outside a source of ${byteLength} bytes`,
      start,
    );
  }
}
