// SPDX-License-Identifier: Apache-2.0
import { UnpackError } from './packed-input.ts';

export interface UnpackLimits {
  /** Bytes that may be unpacked whatever was packed. */
  readonly bytes: number;
  /** Beyond them: how many bytes may come out of one. */
  readonly ratio: number;
}

/** Recordings shrink to a third or a tenth; what unpacks to this much more is no recording. */
export const LIMITS: UnpackLimits = { bytes: 2 ** 30, ratio: 100 };

/** Counts what is read of a packed file. */
export class PackedCount {
  bytes = 0;

  async *of(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of packed) {
      this.bytes += piece.length;
      yield piece;
    }
  }
}

/** Passes unpacked bytes on until they are more than `packedBytes()` warrants. Throws UnpackError. */
export async function* bounded(
  unpacked: AsyncIterable<Uint8Array>,
  packedBytes: () => number,
  { bytes, ratio }: UnpackLimits = LIMITS,
): AsyncGenerator<Uint8Array> {
  let count = 0;
  for await (const piece of unpacked) {
    count += piece.length;
    if (count > bytes && count > ratio * packedBytes()) {
      throw new UnpackError(
        `unpacks to more than ${bytes} bytes and ${ratio} times its size: it is taken for a bomb`,
      );
    }
    yield piece;
  }
}
