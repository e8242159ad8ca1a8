// SPDX-License-Identifier: Apache-2.0

/** What can go wrong before, while and after serving. */
export type PagerErrorCode =
  | 'HANDSHAKE_TIMEOUT'
  | 'HANDSHAKE_INVALID'
  | 'HANDSHAKE_CLOSED'
  | 'SOCKET_IN_USE'
  | 'MEMORY_SIZE'
  | 'MEMORY_SOURCE'
  | 'LAYOUT'
  | 'WORKING_SET_INVALID'
  | 'WORKING_SET_FOREIGN'
  | 'EVENT_UNSUPPORTED'
  | 'FAULT_FAILED'
  | 'PAGER_DIED'
  | 'NATIVE_BUILD'
  | 'SHARED_MEMORY'
  | 'RECORDING'
  | 'OPTIONS';

/** A failure of the pager: a code to tell it by, the place it happened at, and what to do. */
export class PagerError extends Error {
  override readonly name = 'PagerError';
  readonly code: PagerErrorCode;
  /** A path, a byte offset, an address; empty when there is none. */
  readonly place: string;
  /** What to do about it; empty when there is no advice. */
  readonly hint: string;

  constructor(code: PagerErrorCode, message: string, place = '', hint = '') {
    super(place === '' ? message : `${place}: ${message}`);
    this.code = code;
    this.place = place;
    this.hint = hint;
  }
}

/** An address or offset as people write them. */
export const hex = (value: number): string => `0x${value.toString(16)}`;
