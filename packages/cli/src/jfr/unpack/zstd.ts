// SPDX-License-Identifier: Apache-2.0
// Zstandard by fzstd, which unpacks as the bytes come in. It takes any window that a frame asks for, up
// to 2 GiB, and makes it at once: larger ones than `zstd -d` takes unasked are refused here before.
import { Decompress } from 'fzstd';
import { UnpackError } from './packed-input.ts';

const WINDOW = 128 << 20;
/** Header bytes that tell the window: magic, descriptor, window or size. */
const HEAD = 14;
/** What fzstd is given at a time: it unpacks all of it before it returns, 128 KiB of every 4 bytes at most. */
const PORTION = 1 << 10;

/** Unpacks frames, one after the other. Throws UnpackError. */
export async function* unpackZstd(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const ready: Uint8Array[] = [];
  const decoder = new Decompress((bytes) => ready.push(bytes));
  const push = (bytes: Uint8Array, last: boolean): Uint8Array[] => {
    try {
      decoder.push(bytes, last);
    } catch (error) {
      throw reasonOf(error as Error & { code?: number });
    }
    return ready.splice(0);
  };
  let head: Uint8Array | undefined = new Uint8Array(0);
  for await (const piece of packed) {
    let bytes = piece;
    if (head !== undefined) {
      bytes = Buffer.concat([head, piece]);
      head = bytes.length < HEAD ? bytes : undefined;
      if (head !== undefined) continue;
      checkWindow(bytes);
    }
    for (let at = 0; at < bytes.length; at += PORTION) {
      yield* push(bytes.slice(at, at + PORTION), false);
    }
  }
  yield* push(head ?? new Uint8Array(0), true);
}

/** Of the first frame (RFC 8878, 3.1.1.1); the others of a file are as the first. */
function checkWindow(head: Uint8Array): void {
  const descriptor = head[4]!;
  const single = (descriptor & 0x20) !== 0;
  const exponent = 10 + (head[5]! >> 3);
  const window = single ? contentBytes(head, descriptor) : 2 ** exponent * (1 + (head[5]! & 7) / 8);
  if (window > WINDOW) {
    throw new UnpackError(`needs ${window} bytes of window, and gets ${WINDOW} at most`);
  }
}

/** The size of a frame that is one segment, which is its window too. */
function contentBytes(head: Uint8Array, descriptor: number): number {
  const view = new DataView(head.buffer, head.byteOffset);
  const at = 5 + ([0, 1, 2, 4][descriptor & 3] ?? 0);
  switch (descriptor >> 6) {
    case 0:
      return head[at]!;
    case 1:
      return view.getUint16(at, true) + 256;
    case 2:
      return view.getUint32(at, true);
    default:
      // eight bytes, of which the upper four are there where no dictionary is named
      return at + 8 <= head.length ? Number(view.getBigUint64(at, true)) : Number.POSITIVE_INFINITY;
  }
}

const UNEXPECTED_END = 5;

function reasonOf({ message, code }: { message: string; code?: number }): UnpackError {
  return code === UNEXPECTED_END
    ? new UnpackError('ends in the middle: it is not whole')
    : new UnpackError(`does not unpack: ${message}`);
}
