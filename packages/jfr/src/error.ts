// SPDX-License-Identifier: Apache-2.0
// Every way a recording can be wrong, by name.

/** What went wrong. Stable: programs may switch on it. */
export type JfrErrorCode =
  /** No `FLR\0` where a chunk header must be. */
  | 'JFR_NOT_A_RECORDING'
  /** A major version other than 1 or 2. */
  | 'JFR_UNSUPPORTED_VERSION'
  /** Flag bit 0 clear: raw big-endian integers, which no known writer produces. */
  | 'JFR_UNSUPPORTED_INTEGERS'
  /** A header field that cannot be: negative, beyond 2^53, a chunk smaller than its header. */
  | 'JFR_CORRUPT'
  /** Fewer bytes than the header, or the chunk by its own word, must have. */
  | 'JFR_TRUNCATED'
  /** A chunk of 4 GiB or more, which one ArrayBuffer cannot hold. */
  | 'JFR_CHUNK_TOO_LARGE'
  /** The guard byte stayed 255: a writer died, or is stuck, in the middle of a header update. */
  | 'JFR_CHUNK_LOCKED'
  /** The chunk was never flushed: no metadata yet. */
  | 'JFR_NO_METADATA'
  /** A position in the header, or a checkpoint delta, that lies outside the chunk. */
  | 'JFR_BAD_POINTER'
  /** A position that does not point at the kind of event it should. */
  | 'JFR_WRONG_EVENT'
  /** Checkpoints that point at each other in a circle. */
  | 'JFR_CYCLIC_CHECKPOINTS'
  /** An event of size 0 (or smaller than its own size and type). */
  | 'JFR_EMPTY_EVENT'
  /** An event that says it reaches beyond its chunk. */
  | 'JFR_BAD_EVENT_SIZE'
  /** Fields that need more bytes than their event has. */
  | 'JFR_EVENT_OVERRUN'
  /** A metadata event that contradicts itself. */
  | 'JFR_BAD_METADATA'
  /** A checkpoint whose pools do not fit its size, or whose type is unknown. */
  | 'JFR_BAD_CHECKPOINT'
  /** A string with an unknown encoding, or one that contradicts its length. */
  | 'JFR_BAD_STRING'
  /** Asked for an event type or a field that the chunk does not declare. */
  | 'JFR_UNKNOWN_NAME'
  /** A value beyond 2^53 where the caller asked for a plain number. */
  | 'JFR_INEXACT_NUMBER'
  /** The source gave fewer bytes than it promised. */
  | 'JFR_SHORT_READ'
  /** A chunk that is still being written, where only finished ones will do. */
  | 'JFR_UNFINISHED_CHUNK'
  /** An event declaration that cannot be written. */
  | 'JFR_BAD_DECLARATION'
  /** A value that its field or the format cannot hold. */
  | 'JFR_BAD_VALUE'
  /** Asked something of a chunk whose memory was given to the next one. */
  | 'JFR_RELEASED'
  /** A call that does not fit what a writer is doing. */
  | 'JFR_WRONG_STATE';

/** Where in the recording; byte offsets count from the start of the file or of the source. */
export interface JfrPlace {
  /** Index of the chunk in the recording, from 0. */
  readonly chunk?: number | undefined;
  /** Byte offset from the start of the source. */
  readonly offset?: number | undefined;
}

/** A damaged or unusual recording, or a wrong question to a good one. */
export class JfrError extends Error {
  readonly code: JfrErrorCode;
  /** Index of the chunk in the recording, from 0; undefined when no chunk is meant. */
  readonly chunk: number | undefined;
  /** Byte offset from the start of the source. */
  readonly offset: number | undefined;
  /** What is wrong, without the place. */
  readonly reason: string;
  /** What to do about it. */
  readonly hint: string | undefined;

  constructor(code: JfrErrorCode, reason: string, place: JfrPlace = {}, hint?: string) {
    const where = [
      place.chunk === undefined ? '' : `chunk ${place.chunk}`,
      place.offset === undefined ? '' : `offset ${place.offset}`,
    ].filter((part) => part !== '');
    super(where.length === 0 ? reason : `${reason} (${where.join(', ')})`);
    this.name = 'JfrError';
    this.code = code;
    this.chunk = place.chunk;
    this.offset = place.offset;
    this.reason = reason;
    this.hint = hint;
  }
}
