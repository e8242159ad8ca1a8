// SPDX-License-Identifier: Apache-2.0
// fireCRaCer's fault log, as its uffd_handler printed it and UffdVisualizer reads it:
//   UFFD_EVENT_PAGEFAULT (r|w): <address> <page>  Loading: <offset> - <end>
//   UFFD_EVENT_PAGEFAULT (r|w): <address> <page>  Zeroing: <offset> - <end>
//   UFFD_EVENT_REMOVE: <start> - <end>
import { closeSync, openSync, writeSync } from 'node:fs';
import { ACTION, brokenLog, type FaultLog } from './fault-log.ts';

const BUFFERED_LINES = 1024;

const hex = (value: number): string => `0x${value.toString(16).padStart(16, '0')}`;

/** Writes the text log; a tool for old tools, slower than a recording. */
export class TextLog implements FaultLog {
  readonly #path: string;
  readonly #fd: number;
  #lines: string[] = [];
  /** Why nothing is logged any more; the VM is served on. */
  #broken: Error | undefined;

  constructor(path: string) {
    this.#path = path;
    this.#fd = openSync(path, 'w', 0o644);
  }

  fault(
    _start: number,
    _duration: number,
    guestPhysical: number,
    hostVirtual: number,
    write: boolean,
    action: number,
  ): void {
    const what = action === ACTION.zero ? 'Zeroing' : 'Loading';
    this.#write(
      `UFFD_EVENT_PAGEFAULT (${write ? 'w' : 'r'}): ${hex(hostVirtual)} ${hex(hostVirtual)}  ${what}: ${hex(guestPhysical)} - ${hex(guestPhysical + 4096)}`,
    );
  }

  prefetch(): void {
    // The old format has no word for it.
  }

  removed(_time: number, guestPhysical: number, bytes: number): void {
    this.#write(`UFFD_EVENT_REMOVE: ${hex(guestPhysical)} - ${hex(guestPhysical + bytes)}`);
  }

  summary(): void {}

  #write(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length >= BUFFERED_LINES) this.#flush();
  }

  #flush(): void {
    const text = `${this.#lines.join('\n')}\n`;
    this.#lines = [];
    if (text === '\n' || this.#broken !== undefined) return;
    try {
      writeSync(this.#fd, text);
    } catch (error) {
      this.#broken = error as Error;
    }
  }

  async close(): Promise<void> {
    this.#flush();
    closeSync(this.#fd);
    if (this.#broken !== undefined) throw brokenLog(this.#path, this.#broken);
  }
}
