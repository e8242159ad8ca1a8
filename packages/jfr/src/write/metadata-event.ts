// SPDX-License-Identifier: Apache-2.0
import { ByteSink } from '@rekindle/bytes';
import type { Chunk } from '../chunk.ts';

/** The metadata of a chunk that was read (or other content for it), as an event to be written. */
export function metadataEvent(
  chunk: Chunk,
  content: Uint8Array = chunk.metadata.content,
): Uint8Array<ArrayBuffer> {
  const event = new ByteSink(content.length + 64);
  const size = event.padded4(0);
  event.varint(0);
  event.long(chunk.header.startTicks);
  event.varint(0);
  event.bytes(content);
  event.patchPadded4(size, event.length);
  return event.view();
}
