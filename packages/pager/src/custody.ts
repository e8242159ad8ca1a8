// SPDX-License-Identifier: Apache-2.0
// How a VM survives its pager: right after the handshake the pager sends duplicates of everything it
// serves with - userfaultfd, socket, ledger, pidfd - to the process that started it. When the pager dies,
// that process starts another one with them.
//
// On the way there: one line of JSON, {"pid":...,"regions":[...],"shared":...,"process":...}, the descriptors beside
// it: userfaultfd, socket, ledger, then the file that clones share and the pidfd, where there are any. On the way
// to a successor: the same descriptors inherited from number 3 on.
import { closeDescriptor, DescriptorChannel, whenReadable } from '@rekindle/linux';
import type { HandshakeRegion } from './handshake.ts';
import type { Peer } from './peer.ts';

/** What a successor is told. */
export interface Takeover {
  readonly pid: number;
  readonly regions: readonly HandshakeRegion[];
  /** Whether memory that clones share is among the descriptors. */
  readonly shared: boolean;
  /** Whether a pidfd is among the descriptors. */
  readonly process: boolean;
}

/** Descriptors of a successor, by number; those that are optional follow. */
export const INHERITED = { uffd: 3, socket: 4, ledger: 5, optional: 6 } as const;

/** The number of the memory that clones share, or -1. */
export const inheritedShared = ({ shared }: Takeover): number => (shared ? INHERITED.optional : -1);

const inheritedProcess = ({ shared, process }: Takeover): number =>
  process ? INHERITED.optional + (shared ? 1 : 0) : -1;

/** Longest piece of the line at once. One channel serves all: its calls never overlap. */
const CAPACITY = 65536;
let shared: DescriptorChannel | undefined;
const channelOf = (): DescriptorChannel => {
  shared ??= new DescriptorChannel(CAPACITY);
  return shared;
};

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
  const descriptors = [peer.uffd, peer.socket, ledger];
  if (shared !== undefined) descriptors.push(shared);
  if (peer.process >= 0) descriptors.push(peer.process);
  const takeover: Takeover = {
    pid: peer.pid,
    regions: peer.regions,
    shared: shared !== undefined,
    process: peer.process >= 0,
  };
  const text = Buffer.from(`${JSON.stringify(takeover)}\n`);
  const sender = channelOf();
  let sent = sender.send(channel, text, descriptors);
  while (sent < text.length) sent += sender.send(channel, text.subarray(sent));
  closeDescriptor(channel);
}

/** The peer of a predecessor, from inherited descriptors. */
export function inheritedPeer(takeover: Takeover): Peer {
  return {
    pid: takeover.pid,
    regions: takeover.regions,
    uffd: INHERITED.uffd,
    socket: INHERITED.socket,
    process: inheritedProcess(takeover),
  };
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
      const channel = channelOf();
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

  /** The descriptors in the order of {@link INHERITED}. */
  get descriptors(): readonly number[] {
    return this.#descriptors;
  }

  /** The VMM's pidfd, or -1. */
  get process(): number {
    const number = this.#takeover === undefined ? -1 : inheritedProcess(this.#takeover);
    return number < 0 ? -1 : this.#descriptors[number - INHERITED.uffd]!;
  }

  close(): void {
    this.#unwatch();
    closeDescriptor(this.#fd);
    for (const descriptor of this.#descriptors.splice(0)) closeDescriptor(descriptor);
    this.#takeover = undefined;
  }
}
