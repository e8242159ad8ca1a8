// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import {
  closeDescriptor,
  killProcess,
  openProcess,
  peerCredentials,
  SystemError,
  signalProcess,
  UnixListener,
  whenReadable,
} from '@rekindle/linux';
import { now } from './clock.ts';
import { lineChannel } from './descriptor-lines.ts';
import { HandshakeReader, type HandshakeRegion } from './handshake.ts';
import { talkativeError } from './loop-errors.ts';
import { PagerError } from './pager-error.ts';

const SIGKILL = 9;
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
  stopping: Promise<void>,
): Promise<Peer> {
  const patience = new Patience(timeout, listener.path, stopping);
  let socket: number | undefined;
  try {
    socket = listener.accept();
    while (socket === undefined) {
      await patience.readable(listener.fd, 'no VMM connected');
      socket = listener.accept();
    }
  } finally {
    listener.close();
  }
  try {
    return await receiveHandshake(socket, patience);
  } catch (error) {
    closeDescriptor(socket);
    throw error;
  }
}

/** Waits for descriptors on the event loop, up to one deadline for everything. */
class Patience {
  readonly place: string;
  readonly #deadline: number;
  readonly #stopping: Promise<void>;

  constructor(millis: number, place: string, stopping: Promise<void>) {
    this.place = place;
    this.#deadline = now() + millis * 1e6;
    this.#stopping = stopping;
  }

  /** @param what is missing, for the error */
  async readable(fd: number, what: string): Promise<void> {
    let unwatch = (): void => {};
    let timer: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        unwatch = whenReadable(fd, resolve);
        const left = Math.ceil((this.#deadline - now()) / 1e6);
        timer = setTimeout(() => reject(this.#late(what)), Math.max(0, left));
        void this.#stopping.then(() => {
          reject(new PagerError('HANDSHAKE_CLOSED', 'stopped before a VMM came', this.place));
        });
      });
    } finally {
      unwatch();
      clearTimeout(timer);
    }
  }

  #late(what: string): PagerError {
    return new PagerError(
      'HANDSHAKE_TIMEOUT',
      `${what} in time`,
      this.place,
      'was the VMM started, and with this socket? a preload library does nothing in a static or set-uid program',
    );
  }
}

async function receiveHandshake(socket: number, patience: Patience): Promise<Peer> {
  const { place } = patience;
  const channel = lineChannel();
  const reader = new HandshakeReader();
  const descriptors: number[] = [];
  let regions: HandshakeRegion[] | undefined;
  try {
    // Text and descriptor may come apart: both are needed, in either order.
    while (regions === undefined || descriptors.length === 0) {
      const missing = regions === undefined ? 'no complete handshake came' : 'no userfaultfd came';
      const received = channel.receive(socket);
      if (received === undefined) {
        await patience.readable(socket, missing);
        continue;
      }
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
