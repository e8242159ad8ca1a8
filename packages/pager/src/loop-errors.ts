// SPDX-License-Identifier: Apache-2.0
// What both fault loops refuse, in the same words.
import { UFFD_EVENT } from '@rekindle/linux';
import { PagerError } from './pager-error.ts';

/** @param place the address, in hexadecimal */
export const outsideError = (place: string): PagerError =>
  new PagerError(
    'FAULT_FAILED',
    'a fault outside the regions of the handshake',
    place,
    'the VMM registered memory that it did not announce',
  );

export function eventError(event: number): PagerError {
  const name = event === UFFD_EVENT.fork ? 'fork' : event === UFFD_EVENT.remap ? 'remap' : event;
  return new PagerError(
    'EVENT_UNSUPPORTED',
    `the VMM reported a ${name} of its guest memory, which cannot be served`,
    'userfaultfd',
    'register without fork and remap events',
  );
}

export const talkativeError = (): PagerError =>
  new PagerError(
    'HANDSHAKE_INVALID',
    'the VMM sent more after the handshake',
    'socket',
    'this pager does not know that extension of the protocol',
  );
