// SPDX-License-Identifier: Apache-2.0
import { ByteSink } from '@rekindle/bytes';

/** Where a recording goes: synchronously, at its end, with a few bytes rewritten in place. */
export interface RecordingSink {
  /** Bytes in the sink: the offset at which the next append lands. */
  readonly length: number;
  append(bytes: Uint8Array): void;
  /** Overwrites bytes that were appended before; `offset` counts from the start of the sink. */
  patch(offset: number, bytes: Uint8Array): void;
}

/** A sink in memory, for tests and for recordings that are sent rather than stored. */
export interface MemorySink extends RecordingSink {
  /** A view of everything appended; valid until the next append. */
  bytes(): Uint8Array<ArrayBuffer>;
}

export function memorySink(capacity = 65_536): MemorySink {
  const sink = new ByteSink(capacity);
  return {
    get length(): number {
      return sink.length;
    },
    append: (bytes) => sink.bytes(bytes),
    patch: (offset, bytes) => sink.view().set(bytes, offset),
    bytes: () => sink.view(),
  };
}
