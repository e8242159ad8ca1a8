// SPDX-License-Identifier: Apache-2.0
/** What went wrong, for programs; the message is for people. */
export type MemoryErrorCode =
  | 'bad-line'
  | 'line-too-long'
  | 'out-of-order'
  | 'address-too-large'
  | 'not-this-format'
  | 'bad-capture'
  | 'no-btf'
  | 'bad-btf'
  | 'no-kernel'
  | 'bad-guest-memory';

/** Where in the input: a line of a text (1 is the first) or a byte offset of a binary. */
export interface Place {
  readonly path?: string;
  readonly line?: number;
  readonly offset?: number;
}

/** An input that describes guest memory cannot be understood. */
export class MemoryError extends Error {
  override readonly name = 'MemoryError';
  readonly code: MemoryErrorCode;
  readonly place: Place;
  /** What to do about it. */
  readonly hint: string;

  constructor(code: MemoryErrorCode, message: string, place: Place, hint: string) {
    super(`${describe(place)}${message}`);
    this.code = code;
    this.place = place;
    this.hint = hint;
  }
}

function describe(place: Place): string {
  const parts: string[] = [];
  if (place.path !== undefined) parts.push(place.path);
  if (place.line !== undefined) parts.push(`line ${place.line}`);
  if (place.offset !== undefined) parts.push(`offset 0x${place.offset.toString(16)}`);
  return parts.length === 0 ? '' : `${parts.join(', ')}: `;
}
