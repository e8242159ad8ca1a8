// SPDX-License-Identifier: Apache-2.0
import { constants } from 'node:os';
import { errno } from './foreign.ts';

// Some numbers have two names (EAGAIN, EWOULDBLOCK): the first one is the one people know.
const NAMES = new Map<number, string>(
  Object.entries(constants.errno)
    .reverse()
    .map(([name, value]) => [value, name]),
);

/** Errors that callers tell apart, by number. */
export const ERRNO: Readonly<
  Record<'EPERM' | 'ENOENT' | 'ESRCH' | 'EINTR' | 'ENXIO' | 'EAGAIN' | 'EEXIST' | 'EINVAL', number>
> = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  ENXIO: 6,
  EAGAIN: 11,
  EEXIST: 17,
  EINVAL: 22,
};

/** The name of an errno value, for example `EAGAIN`; `errno 4711` where there is none. */
export const errnoName = (value: number): string => NAMES.get(value) ?? `errno ${value}`;

/** A system call that failed. `code` is the errno's name, as in Node's own errors. */
export class SystemError extends Error {
  override readonly name = 'SystemError';
  readonly code: string;
  readonly errno: number;
  /** The call, for example `ioctl UFFDIO_API`. */
  readonly syscall: string;
  /** What it was applied to: a path, a descriptor, an address. */
  readonly place: string;
  /** What to do about it; empty when there is no advice. */
  readonly hint: string;

  constructor(syscall: string, value: number, place = '', hint = '') {
    const where = place === '' ? '' : ` on ${place}`;
    super(`${syscall}${where} failed: ${errnoName(value)}`);
    this.syscall = syscall;
    this.errno = value;
    this.code = errnoName(value);
    this.place = place;
    this.hint = hint;
  }
}

/** Passes a result through, or throws with the errno of the call when it is -1. */
export function checked(result: number, syscall: string, place = '', hint = ''): number {
  if (result === -1) throw new SystemError(syscall, errno(), place, hint);
  return result;
}
