// SPDX-License-Identifier: Apache-2.0
// One chunk follows another: at each change of what is recorded, or how, and when a chunk is full. And what
// happens when the disk does not play along.
import { type Arena, WORD } from './arena.ts';
import type { Chunks } from './chunks.ts';
import { reason } from './file-sink.ts';
import type { Notice } from './protocol.ts';
import type { RecordingBook } from './recording-book.ts';
import { type MergedSettings, mergeSettings } from './settings.ts';
import type { SharedTypes } from './types.ts';

export class Turnover {
  readonly #arena: Arena;
  readonly #types: SharedTypes;
  readonly #chunks: Chunks;
  readonly #book: RecordingBook;
  readonly #tell: (notice: Notice) => void;
  #settings: MergedSettings = mergeSettings([]);
  #trouble = '';

  constructor(
    arena: Arena,
    types: SharedTypes,
    chunks: Chunks,
    book: RecordingBook,
    tell: (notice: Notice) => void,
  ) {
    this.#arena = arena;
    this.#types = types;
    this.#chunks = chunks;
    this.#book = book;
    this.#tell = tell;
  }

  /** Settings of all recordings that run, merged. */
  get settings(): MergedSettings {
    return this.#settings;
  }

  /**
   * Ends the chunk, in which every recording that runs now has a share; makes a change of what runs or
   * how; begins the next chunk if anything runs then.
   */
  rotate(change?: () => void, final = false): void {
    const running = this.#book.running;
    const chunk = this.attempt(() => this.#chunks.end(final));
    change?.();
    if (change !== undefined) this.#settle();
    if (this.#book.running.length > 0) this.attempt(() => this.#chunks.begin(chunk));
    if (chunk !== undefined) this.#book.share(chunk, running);
  }

  /** Makes the settings of what runs now those of the process. */
  #settle(): void {
    const running = this.#book.running;
    const memory = running.length > 0 && running.every(({ options }) => options.disk === false);
    Atomics.store(this.#arena.words, WORD.toDisk, memory ? 0 : 1);
    this.#settings = mergeSettings(running.map(({ options }) => options.settings ?? {}));
    this.#types.applySettings(this.#settings);
  }

  attempt<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.fail(error);
      return undefined;
    }
  }

  /** A full disk must not end the application; what cannot be kept is counted as lost. */
  fail(error: unknown): void {
    const message = reason(error);
    if (message !== this.#trouble) this.#tell({ notice: 'trouble', message });
    this.#trouble = message;
    const chunk = this.#chunks.giveUp();
    if (chunk !== undefined) this.#book.share(chunk, this.#book.running);
  }

  /** It is well again: the next failure is news. */
  recover(): void {
    this.#trouble = '';
  }
}
