// SPDX-License-Identifier: Apache-2.0

/**
 * - `BYTES_TRUNCATED`: a value reaches past the end of what may be read
 * - `BYTES_RANGE`: a position, length or value that does not fit where it is used
 */
export type ByteErrorCode = 'BYTES_TRUNCATED' | 'BYTES_RANGE';

/** What went wrong while reading or writing bytes, and at which offset. */
export class ByteError extends Error {
  readonly code: ByteErrorCode;
  /** Offset in bytes from the start of what the cursor, sink or source covers. */
  readonly offset: number;
  readonly hint: string | undefined;

  constructor(code: ByteErrorCode, message: string, offset: number, hint?: string) {
    super(`${message} (at byte ${offset})`);
    this.name = 'ByteError';
    this.code = code;
    this.offset = offset;
    this.hint = hint;
  }
}
