// SPDX-License-Identifier: Apache-2.0
import { closeSync, ftruncateSync, openSync, renameSync, writeSync } from 'node:fs';
import { type RecordingSink, STATE_FINISHED, STATE_OFFSET } from '@rekindle/jfr/writing';
import { RecorderError } from './error.ts';

/** Bytes gathered before they are written. */
const BUFFER = 256 * 1024;

/** A file that grows at its end. What `patch` announces is in the file before the patch is. */
export class FileSink implements RecordingSink {
  #path: string;
  readonly #descriptor: number;
  readonly #buffer = new Uint8Array(BUFFER);
  #buffered = 0;
  #written = 0;

  /** Creates the file; it must not exist. Throws RecorderError RECORDER_IO. */
  constructor(path: string) {
    this.#path = path;
    this.#descriptor = this.#attempt(() => openSync(path, 'wx', 0o600));
  }

  get path(): string {
    return this.#path;
  }

  /** Gives the file another name; what was appended is in it by then. */
  rename(path: string): void {
    this.#flush();
    this.#attempt(() => renameSync(this.#path, path));
    this.#path = path;
  }

  get length(): number {
    return this.#written + this.#buffered;
  }

  append(bytes: Uint8Array): void {
    if (bytes.length > BUFFER - this.#buffered) this.#flush();
    if (bytes.length >= BUFFER) {
      this.#write(bytes, this.#written);
      this.#written += bytes.length;
    } else {
      this.#buffer.set(bytes, this.#buffered);
      this.#buffered += bytes.length;
    }
  }

  patch(offset: number, bytes: Uint8Array): void {
    this.#flush();
    this.#write(bytes, offset);
  }

  close(): void {
    try {
      this.#flush();
    } finally {
      closeSync(this.#descriptor);
    }
  }

  /**
   * After a failure: closes the file without what was not written whole, as a finished chunk of its first
   * `length` bytes. A full disk has room for this, as nothing gets longer. False when that fails too.
   */
  closeAt(length: number): boolean {
    try {
      ftruncateSync(this.#descriptor, length);
      writeSync(this.#descriptor, Uint8Array.of(STATE_FINISHED), 0, 1, STATE_OFFSET);
      return true;
    } catch {
      return false;
    } finally {
      closeSync(this.#descriptor);
    }
  }

  #flush(): void {
    if (this.#buffered === 0) return;
    this.#write(this.#buffer.subarray(0, this.#buffered), this.#written);
    this.#written += this.#buffered;
    this.#buffered = 0;
  }

  #write(bytes: Uint8Array, at: number): void {
    this.#attempt(() => {
      let done = 0;
      while (done < bytes.length) {
        done += writeSync(this.#descriptor, bytes, done, bytes.length - done, at + done);
      }
    });
  }

  #attempt<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      throw new RecorderError('RECORDER_IO', `cannot write ${this.path}: ${reason(cause)}`, {
        path: this.path,
        cause,
        hint: 'look for a full disk, a missing directory or missing permission',
      });
    }
  }
}

/** What an error says, in one line. */
export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
