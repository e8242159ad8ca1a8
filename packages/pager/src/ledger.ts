// SPDX-License-Identifier: Apache-2.0
// What must survive the pager's own death, in one memory file that its supervisor keeps too:
//
//      0  the native engine's structure, 512 bytes; its counters serve the loop in TypeScript as well
//   1024  the messages of the last read, 64 of 32 bytes
//   4096  one byte of state per page
//
// The messages are here because a removal that was read, but not yet marked when the pager died, has
// already let the VMM go on: the successor reads the buffer again. Marking a page as removed twice does no
// harm, for once removed a page is zero at every later fault.
import { ftruncateSync } from 'node:fs';
import {
  closeDescriptor,
  createMemoryFile,
  loadWord64,
  type Mapping,
  MESSAGE_BUFFER_BYTES,
  MESSAGES_PER_READ,
  type MessageBuffer,
  mapShared,
  UFFD_EVENT,
} from '@rekindle/linux';
import { COUNTERS, type Counters } from './counters.ts';
import { ENGINE } from './engine-layout.ts';
import { PAGE } from './page-states.ts';
import type { RegionTable } from './region-table.ts';

const MESSAGES = 1024;
const STATES = 4096;

export class Ledger {
  /** The memory file, owned by this ledger. */
  readonly fd: number;
  /** Address of the native engine's structure. */
  readonly engine: number;
  readonly engineWords: Uint32Array;
  readonly counters: Counters;
  readonly messages: MessageBuffer;
  /** Address of the page states. */
  readonly statesAddress: number;
  /** One byte per page, see PAGE. */
  readonly states: Uint8Array;
  readonly #mapping: Mapping;
  #open = true;

  private constructor(fd: number, pages: number) {
    this.fd = fd;
    this.#mapping = mapShared(fd, STATES + pages);
    this.#mapping.populate();
    const { address } = this.#mapping;
    this.engine = address;
    this.engineWords = new Uint32Array(this.#mapping.bytes(0, ENGINE.bytes));
    this.counters = new Float64Array(this.engineWords.buffer, ENGINE.counters, COUNTERS);
    this.messages = {
      address: address + MESSAGES,
      words: new Uint32Array(this.#mapping.bytes(MESSAGES, MESSAGE_BUFFER_BYTES)),
    };
    this.statesAddress = address + STATES;
    this.states = new Uint8Array(this.#mapping.bytes(STATES, pages));
  }

  /** A fresh one. @param pages of the memory */
  static create(pages: number): Ledger {
    const fd = createMemoryFile('rekindle-pager');
    ftruncateSync(fd, STATES + pages);
    return new Ledger(fd, pages);
  }

  /** That of a predecessor. */
  static adopt(fd: number, pages: number): Ledger {
    return new Ledger(fd, pages);
  }

  /** Marks the removals among the messages that a predecessor read last. */
  replayRemovals(table: RegionTable): void {
    const { words } = this.messages;
    for (let index = 0; index < MESSAGES_PER_READ; index++) {
      const at = index * 8;
      if ((words[at]! & 0xff) !== UFFD_EVENT.remove) continue;
      const end = loadWord64(words, at + 4);
      for (let address = loadWord64(words, at + 2); address < end; address += table.pageSize) {
        const region = table.regions[table.find(address)];
        if (region === undefined) break;
        const page = (region.offset + (address - region.hostVirtual)) / table.pageSize;
        this.states[page] = (this.states[page]! | PAGE.removed) & ~PAGE.installed;
      }
    }
  }

  /** Unmaps and closes; every view becomes invalid. Idempotent. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#mapping.unmap();
    closeDescriptor(this.fd);
  }
}
