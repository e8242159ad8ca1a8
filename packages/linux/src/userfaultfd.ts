// SPDX-License-Identifier: Apache-2.0
// userfaultfd(2), ioctl_userfaultfd(2). The methods on the fault path allocate nothing: their
// structures are fixed blocks of an arena, results are plain numbers.
//
//   struct uffdio_api       24: api u64, features u64, ioctls u64
//   struct uffdio_register  32: start, len, mode @16, ioctls @24
//   struct uffdio_copy      40: dst, src, len, mode @24, copy @32 (bytes done or -errno)
//   struct uffdio_zeropage  32: start, len, mode @16, zeropage @24
//   struct uffdio_range     16: start, len
//   struct uffd_msg         32: event u8 @0; page fault: flags u64 @8, address u64 @16, thread u32 @24;
//                               remove: start u64 @8, end u64 @16
import { constants, openSync } from 'node:fs';
import { loadSigned64, loadWord64, scratch, storeWord64 } from './arena.ts';
import { close, errno, fcntl, ioctl, read, syscall, syscalls } from './foreign.ts';
import { checked, ERRNO, SystemError } from './system-error.ts';

const API = 0xc018aa3f;
const REGISTER = 0xc020aa00;
const UNREGISTER = 0x8010aa01;
const WAKE = 0x8010aa02;
const COPY = 0xc028aa03;
const ZEROPAGE = 0xc020aa04;
const USERFAULTFD_IOC_NEW = 0xaa00;

const API_VERSION = 0xaa;
const MODE_DONTWAKE = 1;
const REGISTER_MISSING = 1;
const O_CLOEXEC = 0o2000000;
const O_NONBLOCK = 0o4000;
const F_SETFL = 4;

/** Features of UFFDIO_API that rekindle asks for. */
export const UFFD_FEATURE: Readonly<Record<'eventRemove' | 'threadId', number>> = {
  eventRemove: 1 << 3,
  threadId: 1 << 8,
};

/** Kinds of message. */
export const UFFD_EVENT: Readonly<
  Record<'pageFault' | 'fork' | 'remap' | 'remove' | 'unmap', number>
> = { pageFault: 0x12, fork: 0x13, remap: 0x14, remove: 0x15, unmap: 0x16 };

const FLAG_WRITE = 1;
const MESSAGE = 32;
const MESSAGE_WORDS = MESSAGE / 4;
/** Messages fetched by one read. */
export const MESSAGES_PER_READ = 64;

/** Where to look for messages: an address to read into and the same memory as words. */
export interface MessageBuffer {
  readonly address: number;
  readonly words: Uint32Array;
}

/** Bytes that a {@link MessageBuffer} needs. */
export const MESSAGE_BUFFER_BYTES: number = MESSAGES_PER_READ * MESSAGE;

/** Serves the faults of memory that some process registered. */
export class UserFaultFd {
  readonly fd: number;
  readonly #copy: Uint32Array;
  readonly #copyAddress: number;
  readonly #zero: Uint32Array;
  readonly #zeroAddress: number;
  readonly #range: Uint32Array;
  readonly #rangeAddress: number;
  readonly #messages: MessageBuffer;
  #open = true;

  /**
   * Takes ownership of a userfaultfd, for example one received by SCM_RIGHTS.
   * @param messages where messages are read into; memory of its own by default
   */
  constructor(fd: number, messages?: MessageBuffer) {
    this.fd = fd;
    // A loop that was here before may have let it wait in read, and the flag is shared with every copy.
    checked(fcntl(fd, F_SETFL, O_NONBLOCK), 'fcntl F_SETFL', 'userfaultfd');
    const copy = scratch(40);
    const zero = scratch(32);
    const range = scratch(16);
    this.#copy = new Uint32Array(copy.bytes);
    this.#copyAddress = copy.address;
    this.#zero = new Uint32Array(zero.bytes);
    this.#zeroAddress = zero.address;
    this.#range = new Uint32Array(range.bytes);
    this.#rangeAddress = range.address;
    if (messages === undefined) {
      const block = scratch(MESSAGE_BUFFER_BYTES);
      this.#messages = { address: block.address, words: new Uint32Array(block.bytes) };
    } else {
      this.#messages = messages;
    }
  }

  /**
   * Fetches waiting messages. @returns how many (at most {@link MESSAGES_PER_READ}), or a negated errno:
   * -EAGAIN when none waits. A dead target also gives -EAGAIN, never an end of file.
   */
  read(): number {
    const bytes = read(this.fd, this.#messages.address, MESSAGE_BUFFER_BYTES);
    return bytes === -1 ? -errno() : bytes / MESSAGE;
  }

  /** Kind of message `index` of the last {@link read}, one of {@link UFFD_EVENT}. */
  event(index: number): number {
    return this.#messages.words[index * MESSAGE_WORDS]! & 0xff;
  }

  /** Whether a page fault was a write. */
  isWrite(index: number): boolean {
    return (this.#messages.words[index * MESSAGE_WORDS + 2]! & FLAG_WRITE) !== 0;
  }

  /** Address of a page fault in the target process, not aligned where the kernel tells it exactly. */
  address(index: number): number {
    return loadWord64(this.#messages.words, index * MESSAGE_WORDS + 4);
  }

  /** Thread that faulted; 0 unless the registrant asked for thread ids. */
  thread(index: number): number {
    return this.#messages.words[index * MESSAGE_WORDS + 6]!;
  }

  /** Start of a removed or unmapped range. */
  rangeStart(index: number): number {
    return loadWord64(this.#messages.words, index * MESSAGE_WORDS + 2);
  }

  /** End, exclusive, of a removed or unmapped range. */
  rangeEnd(index: number): number {
    return loadWord64(this.#messages.words, index * MESSAGE_WORDS + 4);
  }

  /**
   * Installs pages. @param destination in the target, @param source in this process, both page aligned
   * @returns bytes installed, or a negated errno: EEXIST the first page is there already, EAGAIN an
   * event must be read first (also after a partial copy when nothing was done), ENOENT outside a
   * registered range, ESRCH the target is gone.
   */
  copy(destination: number, source: number, length: number, wake: boolean): number {
    const words = this.#copy;
    storeWord64(words, 0, destination);
    storeWord64(words, 2, source);
    storeWord64(words, 4, length);
    words[6] = wake ? 0 : MODE_DONTWAKE;
    words[7] = 0;
    words[8] = 0;
    words[9] = 0;
    if (ioctl(this.fd, COPY, this.#copyAddress) === 0) return length;
    return this.#outcome(loadSigned64(words, 8));
  }

  /** Installs zero pages. Results as for {@link copy}. Not for hugetlb pages (EINVAL). */
  zero(destination: number, length: number, wake: boolean): number {
    const words = this.#zero;
    storeWord64(words, 0, destination);
    storeWord64(words, 2, length);
    words[4] = wake ? 0 : MODE_DONTWAKE;
    words[5] = 0;
    words[6] = 0;
    words[7] = 0;
    if (ioctl(this.fd, ZEROPAGE, this.#zeroAddress) === 0) return length;
    return this.#outcome(loadSigned64(words, 6));
  }

  /** A failed call says in its structure how far it came; when it could not write there, errno does. */
  #outcome(result: number): number {
    return result === 0 ? -errno() : result;
  }

  /** Wakes every thread that waits for a page of the range. @returns 0 or a negated errno */
  wake(start: number, length: number): number {
    storeWord64(this.#range, 0, start);
    storeWord64(this.#range, 2, length);
    return ioctl(this.fd, WAKE, this.#rangeAddress) === 0 ? 0 : -errno();
  }

  /** Registers memory of this process for missing-page faults. Beware of faulting on it oneself. */
  register(start: number, length: number): void {
    const block = scratch(32);
    const words = new Uint32Array(block.bytes);
    storeWord64(words, 0, start);
    storeWord64(words, 2, length);
    words[4] = REGISTER_MISSING;
    checked(ioctl(this.fd, REGISTER, block.address), 'ioctl UFFDIO_REGISTER', hex(start));
  }

  /** Ends registration; waiting threads continue with zero pages. */
  unregister(start: number, length: number): void {
    storeWord64(this.#range, 0, start);
    storeWord64(this.#range, 2, length);
    checked(ioctl(this.fd, UNREGISTER, this.#rangeAddress), 'ioctl UFFDIO_UNREGISTER', hex(start));
  }

  /** Idempotent. The target's registration ends when the last copy of the descriptor is closed. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    close(this.fd);
  }
}

const hex = (value: number): string => `0x${value.toString(16)}`;

const PERMISSION_HINT =
  'run as root, or set sysctl vm.unprivileged_userfaultfd=1, or give yourself access to /dev/userfaultfd';

/**
 * Creates a userfaultfd for this process, full mode (kernel faults included), non-blocking.
 * @throws SystemError EPERM with the ways to get the permission
 */
export function createUserFaultFd(features = 0): UserFaultFd {
  const fd = openDescriptor();
  const block = scratch(24);
  const words = new Uint32Array(block.bytes);
  words[0] = API_VERSION;
  words[2] = features;
  if (ioctl(fd, API, block.address) === -1) {
    const value = errno();
    close(fd);
    throw new SystemError('ioctl UFFDIO_API', value, '', 'this kernel lacks a feature asked for');
  }
  return new UserFaultFd(fd);
}

function openDescriptor(): number {
  const fd = syscall(syscalls().userfaultfd, O_CLOEXEC | O_NONBLOCK, 0, 0, 0);
  if (fd >= 0) return fd;
  const value = errno();
  if (value !== ERRNO.EPERM) throw new SystemError('userfaultfd', value);
  try {
    const device = openSync('/dev/userfaultfd', constants.O_RDWR);
    const viaDevice = ioctl(device, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
    close(device);
    if (viaDevice >= 0) return viaDevice;
  } catch {
    // No device or no access to it: the first refusal is the one to report.
  }
  throw new SystemError('userfaultfd', value, '', PERMISSION_HINT);
}

/** Whether this process may create a userfaultfd that sees kernel faults; the reason when not. */
export function probeUserFaultFd(): { available: boolean; reason: string } {
  try {
    createUserFaultFd().close();
    return { available: true, reason: 'userfaultfd with kernel faults' };
  } catch (error) {
    return { available: false, reason: (error as Error).message };
  }
}
