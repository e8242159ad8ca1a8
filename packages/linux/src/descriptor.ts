// SPDX-License-Identifier: Apache-2.0
import { scratch } from './arena.ts';
import {
  close,
  errno,
  eventfd,
  fcntl,
  flock,
  kill,
  pollDescriptor,
  read,
  syscall,
  syscalls,
  write,
} from './foreign.ts';
import { checked, ERRNO, SystemError } from './system-error.ts';

const F_DUPFD_CLOEXEC = 1030;

/** Gives a descriptor back. A descriptor must be closed once, by its owner. */
export function closeDescriptor(fd: number): void {
  checked(close(fd), 'close', `descriptor ${fd}`);
}

/** A second descriptor of the same open file, closed on exec. */
export function duplicate(fd: number): number {
  return checked(fcntl(fd, F_DUPFD_CLOEXEC, 0), 'fcntl F_DUPFD_CLOEXEC', `descriptor ${fd}`);
}

const LOCK = { shared: 1, exclusive: 2 } as const;
const LOCK_NB = 4;

/**
 * Locks an open file, or turns its lock into the other kind, without waiting; the lock ends with the last
 * duplicate of the descriptor. @returns false when somebody else's lock is in the way
 */
export function lockFile(fd: number, kind: keyof typeof LOCK): boolean {
  if (flock(fd, LOCK[kind] | LOCK_NB) === 0) return true;
  const value = errno();
  if (value === ERRNO.EAGAIN) return false;
  throw new SystemError('flock', value, `descriptor ${fd}`);
}

/**
 * A descriptor that stands for a process and becomes readable when it ends; immune to the reuse of
 * process ids. pidfd_open(2), Linux 5.3. Arguments are integers only.
 */
export function openProcess(pid: number): number {
  return checked(syscall(syscalls().pidfdOpen, pid, 0, 0, 0), 'pidfd_open', `process ${pid}`);
}

/** Sends a signal through a pidfd. @returns false when the process is gone already */
export function signalProcess(pidfd: number, signal: number): boolean {
  if (syscall(syscalls().pidfdSendSignal, pidfd, signal, 0, 0) === 0) return true;
  const value = errno();
  if (value === ERRNO.ESRCH) return false;
  throw new SystemError('pidfd_send_signal', value, `descriptor ${pidfd}`);
}

/** Sends a signal to a process id. @returns false when there is no such process */
export function killProcess(pid: number, signal: number): boolean {
  // To kill(2), 0 and the numbers below are groups of processes, -1 all that there are.
  if (!(Number.isInteger(pid) && pid > 0)) throw new RangeError(`${pid} is no process id`);
  if (kill(pid, signal) === 0) return true;
  const value = errno();
  if (value === ERRNO.ESRCH) return false;
  throw new SystemError('kill', value, `process ${pid}`);
}

/**
 * Calls back on the event loop when a descriptor has become readable or hung up, once; the watch alone
 * does not keep the process alive.
 * @returns the function that ends the watch before that
 */
export function whenReadable(fd: number, callback: () => void): () => void {
  let close: (() => void) | undefined;
  const end = (): void => {
    close?.();
    close = undefined;
  };
  close = pollDescriptor(fd, () => {
    end();
    callback();
  });
  return end;
}

const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;

/** A counter that one thread raises and another waits for. eventfd(2) */
export class EventDescriptor {
  readonly fd: number;
  readonly #address: number;
  readonly #words: Uint32Array;
  #unwatch: (() => void) | undefined;

  constructor() {
    this.fd = checked(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), 'eventfd');
    const block = scratch(8);
    this.#address = block.address;
    this.#words = new Uint32Array(block.bytes);
  }

  signal(): void {
    this.#words[0] = 1;
    this.#words[1] = 0;
    checked(write(this.fd, this.#address, 8), 'write', 'an eventfd');
  }

  /** Takes the signals that have come; false when there was none. */
  clear(): boolean {
    return read(this.fd, this.#address, 8) === 8;
  }

  /** Calls back on the event loop after signals; does not keep the process alive by itself. */
  watch(signalled: () => void): void {
    this.#unwatch?.();
    this.#unwatch = pollDescriptor(this.fd, () => {
      if (this.clear()) signalled();
    });
  }

  /** Ends the watch and gives the descriptor back. */
  close(): void {
    this.#unwatch?.();
    close(this.fd);
  }
}
