// SPDX-License-Identifier: Apache-2.0
// Damage: strict reading throws the first, salvage takes note of all.
import { JfrError, type JfrErrorCode } from './error.ts';

/** Something that could not be read, found while salvaging. */
export interface Loss {
  readonly code: JfrErrorCode;
  /** Index of the chunk in the recording, from 0. */
  readonly chunk: number;
  /** Byte offset from the start of the source where the loss begins. */
  readonly offset: number;
  /** Bytes lost from there; 0 when something was misplaced rather than lost. */
  readonly bytes: number;
  readonly what: 'chunk' | 'events' | 'event' | 'checkpoint' | 'metadata' | 'pointer';
  readonly reason: string;
}

/** A chunk that is all damage must not fill the memory with the tale of it. */
const MAX_LOSSES = 10_000;

const HINT = 'open with { mode: "salvage" } to read what is whole';

/** The damage of one chunk, by places within its bytes. */
export class Damage {
  readonly salvage: boolean;
  readonly losses: Loss[] = [];
  readonly #chunk: number;
  readonly #origin: (offset: number) => number;
  readonly #seen: Set<string> = new Set();
  #more = 0;

  /** `origin` gives the place in the source of an offset within the chunk's bytes. */
  constructor(salvage: boolean, chunk: number, origin: (offset: number) => number) {
    this.salvage = salvage;
    this.#chunk = chunk;
    this.#origin = origin;
  }

  /** An error at an offset within the chunk. */
  error(code: JfrErrorCode, reason: string, offset: number): JfrError {
    const hint = this.salvage ? undefined : HINT;
    return new JfrError(code, reason, { chunk: this.#chunk, offset: this.#origin(offset) }, hint);
  }

  /** An error whose offset, if it has one, was within the chunk. */
  placed(error: JfrError, offset: number): JfrError {
    return this.error(error.code, error.reason, error.offset ?? offset);
  }

  /** Throws when strict; takes note, once, when salvaging. `offset` and `bytes` say what is lost. */
  report(what: Loss['what'], error: JfrError, offset: number, bytes: number): void {
    if (!this.salvage) throw error;
    const { code, reason } = error;
    const loss: Loss = {
      code,
      chunk: this.#chunk,
      offset: this.#origin(offset),
      bytes,
      what,
      reason,
    };
    if (this.losses.length >= MAX_LOSSES) {
      this.#reportMore(loss);
      return;
    }
    const key = `${what} ${code} ${offset}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.losses.push(loss);
  }

  /** Beyond the limit, one loss stands for all that follow. */
  #reportMore(loss: Loss): void {
    this.#more++;
    const first = this.losses[MAX_LOSSES];
    this.losses[MAX_LOSSES] = {
      ...(first ?? loss),
      bytes: (first?.bytes ?? 0) + loss.bytes,
      reason: `${this.#more} more, from here on`,
    };
  }
}
