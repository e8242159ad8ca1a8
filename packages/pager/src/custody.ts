// SPDX-License-Identifier: Apache-2.0
// How a VM survives its pager: right after the handshake the pager sends duplicates of everything it
// serves with - userfaultfd, socket, ledger, pidfd - to the process that started it. When the pager dies,
// that process starts another one with them.
//
// On the way there: one line of JSON, {"pid":...,"regions":[...],"given":[...]}, the descriptors beside it in the
// order of `given`: uffd, socket, ledger, then the file that clones share and the pidfd, where there are any. On the
// way to a successor the same, as part of a request (control-channel.ts).
import { closeDescriptor, whenReadable } from '@rekindle/linux';
import { lineChannel, sendLine } from './descriptor-lines.ts';
import type { Given } from './given.ts';
import type { HandshakeRegion } from './handshake.ts';
import type { Peer } from './peer.ts';

/** What a successor is told. */
export interface Takeover {
  readonly pid: number;
  readonly regions: readonly HandshakeRegion[];
  /** What each descriptor is. */
  readonly given: readonly string[];
}

/**
 * Gives duplicates of everything into custody.
 * @param channel descriptor of the way there; closed
 * @param shared descriptor of the memory that clones share, or undefined
 */
export function giveIntoCustody(
  channel: number,
  peer: Peer,
  ledger: number,
  shared: number | undefined,
): void {
  const all = {
    uffd: peer.uffd,
    socket: peer.socket,
    ledger,
    ...(shared === undefined ? {} : { shared }),
    ...(peer.process < 0 ? {} : { process: peer.process }),
  };
  const takeover: Takeover = { pid: peer.pid, regions: peer.regions, given: Object.keys(all) };
  sendLine(channel, takeover, Object.values(all));
  closeDescriptor(channel);
}

/** The peer of a predecessor, from the descriptors that it left. */
export function inheritedPeer({ pid, regions }: Takeover, given: Given): Peer {
  const [uffd, socket] = [given.take('uffd'), given.take('socket')];
  if (uffd === undefined || socket === undefined) throw new Error('no userfaultfd, no socket');
  return { pid, regions, uffd, socket, process: given.take('process') ?? -1 };
}

/** Keeps what a pager gives into custody. */
export class Custody {
  readonly #fd: number;
  readonly #descriptors: number[] = [];
  #text = '';
  #unwatch: () => void = () => {};
  #takeover: Takeover | undefined;

  /** @param fd our end of the way there, non-blocking; owned by this object */
  constructor(fd: number) {
    this.#fd = fd;
    this.#watch();
  }

  #watch(): void {
    this.#unwatch = whenReadable(this.#fd, () => {
      if (this.collect()) this.#watch();
    });
  }

  /** Takes what has come. @returns whether more may come */
  collect(): boolean {
    for (;;) {
      const channel = lineChannel();
      const received = channel.receive(this.#fd);
      if (received === undefined) return this.#takeover === undefined;
      if (received.length === 0) return false;
      this.#descriptors.push(...received.descriptors);
      this.#text += Buffer.from(channel.buffer.subarray(0, received.length)).toString();
      if (!this.#text.endsWith('\n')) continue;
      this.#takeover = JSON.parse(this.#text) as Takeover;
    }
  }

  /** What a successor needs, once the pager has given it. */
  get takeover(): Takeover | undefined {
    return this.#takeover;
  }

  /** The descriptors in the order of `takeover.given`. */
  get descriptors(): readonly number[] {
    return this.#descriptors;
  }

  /** The VMM's pidfd, or -1. */
  get process(): number {
    const index = this.#takeover?.given.indexOf('process') ?? -1;
    return index < 0 ? -1 : this.#descriptors[index]!;
  }

  close(): void {
    this.#unwatch();
    closeDescriptor(this.#fd);
    for (const descriptor of this.#descriptors.splice(0)) closeDescriptor(descriptor);
    this.#takeover = undefined;
  }
}
