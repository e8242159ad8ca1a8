// SPDX-License-Identifier: Apache-2.0
import { scratch } from './arena.ts';
import { errno, poll } from './foreign.ts';
import { ERRNO, SystemError } from './system-error.ts';

// struct pollfd, 8 bytes: int fd; short events; short revents.
const POLLFD = 8;

export const POLL_IN = 0x001;
export const POLL_ERROR = 0x008;
export const POLL_HANGUP = 0x010;
export const POLL_INVALID = 0x020;

/** poll was interrupted by a signal. */
export const INTERRUPTED = -1;

/** A fixed set of descriptors to wait for. Waiting allocates nothing. */
export class PollSet {
  readonly #address: number;
  readonly #events: Int16Array;
  readonly #fds: Int32Array;
  readonly #count: number;

  /** Waits for readability (and, implicitly, errors and hang-up) of every descriptor. */
  constructor(fds: readonly number[]) {
    const block = scratch(fds.length * POLLFD);
    this.#address = block.address;
    this.#events = new Int16Array(block.bytes);
    this.#fds = new Int32Array(block.bytes);
    this.#count = fds.length;
    for (const [index, fd] of fds.entries()) {
      this.#fds[index * 2] = fd;
      this.#events[index * 4 + 2] = POLL_IN;
    }
  }

  /** Replaces a descriptor; a negative one is ignored by the kernel. */
  replace(index: number, fd: number): void {
    this.#fds[index * 2] = fd;
  }

  /**
   * Blocks the thread until something happens.
   * @param timeout milliseconds, -1 for ever
   * @returns number of descriptors with events, 0 on time-out, {@link INTERRUPTED} on a signal
   */
  wait(timeout: number): number {
    const ready = poll(this.#address, this.#count, timeout);
    if (ready >= 0) return ready;
    const value = errno();
    if (value === ERRNO.EINTR) return INTERRUPTED;
    throw new SystemError('poll', value);
  }

  /** Events of one descriptor after {@link wait}, a mask of the POLL_ constants. */
  events(index: number): number {
    return this.#events[index * 4 + 3]!;
  }
}
