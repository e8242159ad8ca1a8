// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync, readSync } from 'node:fs';

/** Follows the guest's console log; the file may not exist yet. */
export class ConsoleWatch {
  readonly #path: string;
  #text = '';
  #position = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Everything printed so far, the last 64 KiB of it. */
  read(): string {
    let fd: number;
    try {
      fd = openSync(this.#path, 'r');
    } catch {
      return this.#text;
    }
    try {
      const buffer = Buffer.allocUnsafe(16_384);
      for (;;) {
        const bytes = readSync(fd, buffer, 0, buffer.length, this.#position);
        if (bytes === 0) break;
        this.#position += bytes;
        this.#text = (this.#text + buffer.toString('latin1', 0, bytes)).slice(-65_536);
      }
    } finally {
      closeSync(fd);
    }
    return this.#text;
  }

  lastLines(count: number): string {
    return lastLines(this.read(), count);
  }
}

/** The last lines that hold something, control characters taken out. */
export function lastLines(text: string, count: number): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: a firmware writes escape sequences
      .replace(/\x1b\[[0-9;?=]*[A-Za-z]|[\x00-\x08\x0b-\x1f]/g, '')
      .split('\n')
      .map((line) => line.trimEnd())
      .filter((line) => line !== '')
      .slice(-count)
      .join('\n')
  );
}

export const PANIC: RegExp = /Kernel panic - not syncing[^\n]*/;
