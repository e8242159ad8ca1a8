// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import {
  closeDescriptor,
  DescriptorChannel,
  killProcess,
  openProcess,
  PollSet,
  peerCredentials,
  SystemError,
  signalProcess,
  UnixListener,
  whenReadable,
} from '@rekindle/linux';
import { now } from './clock.ts';
import { HandshakeReader, type HandshakeRegion } from './handshake.ts';
import { talkativeError } from './loop-errors.ts';
import { PagerError } from './pager-error.ts';

const SIGKILL = 9;
/** Longest the thread blocks before the event loop gets a turn, milliseconds. */
const TURN = 250;

/**
 * One whole turn of the event loop: signal handlers and messages run. A single immediate may run
 * before the loop has looked at its descriptors; between two of them it must.
 */
export const turn = (): Promise<void> =>
  new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

/** A VMM that has handed its memory over. */
export interface Peer {
  readonly socket: number;
  /** Its process id; 0 when it lives in a pid namespace we cannot see. */
  readonly pid: number;
  /** Its pidfd, or -1. */
  readonly process: number;
  /** The userfaultfd it sent. */
  readonly uffd: number;
  readonly regions: readonly HandshakeRegion[];
}

/** Starts listening. @throws PagerError SOCKET_IN_USE */
export function listenForPeer(path: string): UnixListener {
  try {
    return UnixListener.listen(path);
  } catch (error) {
    if (error instanceof SystemError && error.code === 'EADDRINUSE' && existsSync(path)) {
      throw new PagerError(
        'SOCKET_IN_USE',
        'something is there already',
        path,
        'another pager may be listening; if none is, remove the file',
      );
    }
    throw error;
  }
}

/**
 * Waits for one VMM and its whole handshake. The listener is closed afterwards, so that a second VMM is
 * refused by the kernel instead of waiting for ever.
 * @param timeout milliseconds for everything together
 */
export async function acceptPeer(
  listener: UnixListener,
  timeout: number,
  stopped: () => boolean,
): Promise<Peer> {
  const deadline = now() + timeout * 1e6;
  let socket: number | undefined;
  try {
    const waiting = new PollSet([listener.fd]);
    while (socket === undefined) {
      await readable(waiting, deadline, listener.path, 'no VMM connected', stopped);
      socket = listener.accept();
    }
  } finally {
    listener.close();
  }
  try {
    return await receiveHandshake(socket, deadline, listener.path, stopped);
  } catch (error) {
    closeDescriptor(socket);
    throw error;
  }
}

async function readable(
  poll: PollSet,
  deadline: number,
  place: string,
  what: string,
  stopped: () => boolean,
): Promise<void> {
  for (;;) {
    const left = Math.ceil((deadline - now()) / 1e6);
    if (left <= 0) {
      throw new PagerError(
        'HANDSHAKE_TIMEOUT',
        `${what} in time`,
        place,
        'was the VMM started, and with this socket? a preload library does nothing in a static or set-uid program',
      );
    }
    if (poll.wait(Math.min(left, TURN)) > 0) return;
    await turn();
    if (stopped()) throw new PagerError('HANDSHAKE_CLOSED', 'stopped before a VMM came', place);
  }
}

async function receiveHandshake(
  socket: number,
  deadline: number,
  place: string,
  stopped: () => boolean,
): Promise<Peer> {
  const channel = new DescriptorChannel();
  const reader = new HandshakeReader();
  const poll = new PollSet([socket]);
  const descriptors: number[] = [];
  let regions: HandshakeRegion[] | undefined;
  try {
    // Text and descriptor may come apart: both are needed, in either order.
    while (regions === undefined || descriptors.length === 0) {
      const missing = regions === undefined ? 'no complete handshake came' : 'no userfaultfd came';
      await readable(poll, deadline, place, missing, stopped);
      const received = channel.receive(socket);
      if (received === undefined) continue;
      descriptors.push(...received.descriptors);
      if (received.length === 0) {
        const what = regions === undefined ? 'its handshake was complete' : 'it sent a userfaultfd';
        throw new PagerError(
          'HANDSHAKE_CLOSED',
          `the VMM closed the connection before ${what} (${reader.length} bytes came)`,
          place,
        );
      }
      regions = reader.push(channel.buffer.subarray(0, received.length));
    }
    if (descriptors.length > 1) {
      throw new PagerError(
        'HANDSHAKE_INVALID',
        `${descriptors.length} descriptors came, one userfaultfd was expected`,
        place,
      );
    }
  } catch (error) {
    for (const descriptor of descriptors) closeDescriptor(descriptor);
    throw error;
  }
  const { pid } = peerCredentials(socket);
  return { socket, pid, process: watchProcess(pid), uffd: descriptors[0]!, regions };
}

function watchProcess(pid: number): number {
  if (pid === 0) return -1;
  try {
    return openProcess(pid);
  } catch (error) {
    // Gone already, or an old kernel: the socket will tell.
    if (error instanceof SystemError && (error.code === 'ESRCH' || error.code === 'ENOSYS')) {
      return -1;
    }
    throw error;
  }
}

/** Ends the VMM: a VM without its pager would hang for ever. */
export function killPeer(peer: Pick<Peer, 'pid' | 'process'>): void {
  if (peer.process >= 0) signalProcess(peer.process, SIGKILL);
  else if (peer.pid > 0) killProcess(peer.pid, SIGKILL);
}

/** Tells when a VMM has gone, on the event loop. */
export class PeerWatch {
  /** Resolves when its socket is at its end and its process, where we see it, has ended. */
  readonly gone: Promise<void>;
  readonly #ends: (() => void)[] = [];

  /** @param ended whether the socket, readable, is at its end */
  constructor(peer: Pick<Peer, 'socket' | 'process'>, ended: () => boolean) {
    const socket = new Promise<void>((resolve, reject) => {
      this.#watch(peer.socket, () => (ended() ? resolve() : reject(talkativeError())));
    });
    const process = new Promise<void>((resolve) => {
      if (peer.process < 0) resolve();
      else this.#watch(peer.process, resolve);
    });
    // The socket's end alone is not the VM's: Firecracker before 1.12 closed it after the handshake.
    this.gone = Promise.all([socket, process]).then(() => {});
  }

  #watch(fd: number, readable: () => void): void {
    this.#ends.push(whenReadable(fd, readable));
  }

  /** Ends the watch; before the descriptors are closed. */
  close(): void {
    for (const end of this.#ends) end();
  }
}
