// SPDX-License-Identifier: Apache-2.0
// Unix stream sockets that carry descriptors (SCM_RIGHTS), which Node's `net` cannot.
import { unlinkSync } from 'node:fs';
import { Arena, type Block, scratch, storeWord64 } from './arena.ts';
import {
  accept4,
  bindSocket,
  close,
  connect,
  errno,
  fcntl,
  getsockopt,
  listen,
  recvmsg,
  sendmsg,
  socket,
  socketpair,
} from './foreign.ts';
import { checked, ERRNO, SystemError } from './system-error.ts';

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SCM_RIGHTS = 1;
const MSG_CMSG_CLOEXEC = 0x40000000;
const MSG_CTRUNC = 0x8;

/** sun_path holds 108 bytes with its terminating zero. unix(7) */
export const SOCKET_PATH_LIMIT = 107;
const MAX_DESCRIPTORS = 16;

/** sockaddr_un: u16 family, then the path and a zero. */
function socketAddress(path: string): { block: Block; length: number } {
  const text = new TextEncoder().encode(path);
  if (text.length === 0 || text.length > SOCKET_PATH_LIMIT || text.includes(0)) {
    throw new SystemError(
      'bind',
      36, // ENAMETOOLONG
      path,
      `a Unix socket path has 1 to ${SOCKET_PATH_LIMIT} bytes, this one ${text.length}: use a shorter directory`,
    );
  }
  const length = 2 + text.length + 1;
  const block = scratch(length);
  new DataView(block.bytes).setUint16(0, AF_UNIX, true);
  new Uint8Array(block.bytes, 2).set(text);
  return { block, length };
}

function openSocket(extra: number): number {
  return checked(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | extra, 0), 'socket');
}

/** A listening Unix socket. */
export class UnixListener {
  readonly fd: number;
  readonly path: string;
  #open = true;

  /**
   * Binds and listens at once. @throws SystemError EADDRINUSE when the path exists: a stale socket
   * is the caller's to remove, because only the caller knows whether somebody still listens there.
   */
  static listen(path: string, backlog = 4): UnixListener {
    const { block, length } = socketAddress(path);
    const fd = openSocket(SOCK_NONBLOCK);
    try {
      checked(bindSocket(fd, block.address, length), 'bind', path);
      checked(listen(fd, backlog), 'listen', path);
    } catch (error) {
      close(fd);
      throw error;
    }
    return new UnixListener(fd, path);
  }

  /** One that somebody else opened, for example before this process was started. */
  static adopt(fd: number, path: string): UnixListener {
    return new UnixListener(fd, path);
  }

  private constructor(fd: number, path: string) {
    this.fd = fd;
    this.path = path;
  }

  /** Gives our descriptor back; whoever has another goes on listening, and owns the path. */
  release(): void {
    this.#open = false;
    close(this.fd);
  }

  /** The next connection, or undefined when none waits. */
  accept(): number | undefined {
    const fd = accept4(this.fd, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) return fd;
    const value = errno();
    if (value === ERRNO.EAGAIN || value === ERRNO.EINTR || value === 103 /* ECONNABORTED */) {
      return undefined;
    }
    throw new SystemError('accept4', value, this.path);
  }

  /** Stops listening and removes the path. Idempotent. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    close(this.fd);
    try {
      unlinkSync(this.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

/** Connects to a Unix stream socket. */
export function connectUnix(path: string): number {
  const { block, length } = socketAddress(path);
  const fd = openSocket(0);
  try {
    checked(connect(fd, block.address, length), 'connect', path);
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** Two connected sockets, both closed on exec; the first does not block. */
export function unixPair(): [number, number] {
  const block = scratch(8);
  checked(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, block.address), 'socketpair');
  const fds = new Int32Array(block.bytes);
  const F_SETFL = 4;
  checked(fcntl(fds[0]!, F_SETFL, SOCK_NONBLOCK), 'fcntl F_SETFL');
  return [fds[0]!, fds[1]!];
}

/** What one recvmsg brought. */
export interface Received {
  /** Bytes of text; 0 means the peer has closed its end. */
  readonly length: number;
  /** Descriptors, owned by the receiver, close-on-exec. */
  readonly descriptors: number[];
}

// struct msghdr, 56 bytes on 64-bit Linux:
//   0 name*  8 namelen(u32)  16 iov*  24 iovlen  32 control*  40 controllen  48 flags(i32)
// struct iovec, 16 bytes: 0 base*  8 len
// struct cmsghdr, 16 bytes: 0 len(u64)  8 level(i32)  12 type(i32), then the descriptors (i32 each)
const MSGHDR = 56;
const IOVEC = 16;
const CMSGHDR = 16;

/** Sends and receives text with descriptors. One instance serves one thread. */
export class DescriptorChannel {
  readonly #header: Block;
  readonly #vector: Block;
  readonly #control: Block;
  readonly #data: Block;
  /** The bytes of the last message; overwritten by the next. */
  readonly buffer: Uint8Array;

  /** @param capacity most bytes received by one call */
  constructor(capacity = 65536) {
    const arena = new Arena(capacity + 4096);
    this.#header = arena.take(MSGHDR);
    this.#vector = arena.take(IOVEC);
    this.#control = arena.take(CMSGHDR + 4 * MAX_DESCRIPTORS);
    this.#data = arena.take(capacity);
    this.buffer = new Uint8Array(this.#data.bytes);
  }

  #prepare(length: number, controlLength: number): void {
    const header = new Uint32Array(this.#header.bytes);
    header.fill(0);
    storeWord64(header, 4, this.#vector.address);
    storeWord64(header, 6, 1);
    storeWord64(header, 8, controlLength === 0 ? 0 : this.#control.address);
    storeWord64(header, 10, controlLength);
    const vector = new Uint32Array(this.#vector.bytes);
    storeWord64(vector, 0, this.#data.address);
    storeWord64(vector, 2, length);
  }

  /** The next piece of a stream, or undefined when nothing is there yet (or a signal came). */
  receive(fd: number): Received | undefined {
    this.#prepare(this.buffer.length, this.#control.bytes.byteLength);
    const length = recvmsg(fd, this.#header.address, MSG_CMSG_CLOEXEC);
    if (length === -1) {
      const value = errno();
      if (value === ERRNO.EAGAIN || value === ERRNO.EINTR) return undefined;
      if (value === 104 /* ECONNRESET */) return { length: 0, descriptors: [] };
      throw new SystemError('recvmsg', value, `descriptor ${fd}`);
    }
    const header = new DataView(this.#header.bytes);
    const descriptors = this.#receivedDescriptors(Number(header.getBigUint64(40, true)));
    if ((header.getInt32(48, true) & MSG_CTRUNC) !== 0) {
      for (const descriptor of descriptors) close(descriptor);
      throw new SystemError(
        'recvmsg',
        90,
        `descriptor ${fd}`,
        'the peer sent too many descriptors',
      );
    }
    return { length, descriptors };
  }

  #receivedDescriptors(controlLength: number): number[] {
    const control = new DataView(this.#control.bytes);
    const descriptors: number[] = [];
    let offset = 0;
    while (offset + CMSGHDR <= controlLength) {
      const length = Number(control.getBigUint64(offset, true));
      if (length < CMSGHDR) break;
      const end = Math.min(offset + length, controlLength);
      const rights =
        control.getInt32(offset + 8, true) === SOL_SOCKET &&
        control.getInt32(offset + 12, true) === SCM_RIGHTS;
      for (let at = offset + CMSGHDR; rights && at + 4 <= end; at += 4) {
        descriptors.push(control.getInt32(at, true));
      }
      offset += Math.ceil(length / 8) * 8;
    }
    return descriptors;
  }

  /** Sends bytes with descriptors; the caller keeps its own copies of them. @returns bytes sent */
  send(fd: number, bytes: Uint8Array, descriptors: readonly number[] = []): number {
    if (descriptors.length > MAX_DESCRIPTORS) throw new RangeError('too many descriptors');
    const length = Math.min(bytes.length, this.buffer.length);
    this.buffer.set(bytes.subarray(0, length));
    const controlLength = descriptors.length === 0 ? 0 : CMSGHDR + 4 * descriptors.length;
    const control = new DataView(this.#control.bytes);
    control.setBigUint64(0, BigInt(controlLength), true);
    control.setInt32(8, SOL_SOCKET, true);
    control.setInt32(12, SCM_RIGHTS, true);
    for (const [index, descriptor] of descriptors.entries()) {
      control.setInt32(CMSGHDR + 4 * index, descriptor, true);
    }
    this.#prepare(length, controlLength);
    return checked(sendmsg(fd, this.#header.address, 0), 'sendmsg', `descriptor ${fd}`);
  }
}

/** Who is at the other end of a Unix socket, as the kernel recorded it when it connected. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** SO_PEERCRED. struct ucred: i32 pid, u32 uid, u32 gid. */
export function peerCredentials(fd: number): PeerCredentials {
  const block = scratch(16);
  const words = new Uint32Array(block.bytes);
  words[3] = 12;
  checked(
    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, block.address, block.address + 12),
    'getsockopt SO_PEERCRED',
    `descriptor ${fd}`,
  );
  return { pid: words[0]!, uid: words[1]!, gid: words[2]! };
}
