// SPDX-License-Identifier: Apache-2.0
// Follows a repository while it is written, in this process or from another, like
// jdk.jfr.consumer.EventStream: each flush is read once, its events in order of their end. Works on the
// JDK's repositories too.
import { join } from 'node:path';
import type { Chunk, JfrEvent } from '@rekindle/jfr';
import { type ChunkHeader, FLAG_FINAL, HEADER_SIZE, STATE_FINISHED } from '@rekindle/jfr/writing';
import { GrowingChunk, listChunks } from './growing-chunk.ts';

/** Milliseconds between looks at a file that has nothing new. */
const POLL = 100;

export interface EventStreamOptions {
  /** Nanoseconds since 1970: events that end before are left out. Default: now, for a live repository. */
  readonly startNanos?: bigint;
  /** Nanoseconds since 1970: the stream ends when an event ends after. */
  readonly endNanos?: bigint;
  /** Events of a flush in order of their end (default), or as they are in the file. */
  readonly ordered?: boolean;
  /** One object for all events of a flush, for actions that keep none. Default: each event has its own. */
  readonly reuse?: boolean;
  /** Milliseconds between looks. Default 100. */
  readonly pollMillis?: number;
}

type EventAction = (event: JfrEvent) => void;

/** A stream of events; register actions, then {@link start} it. */
export class EventStream {
  readonly #directory: string;
  readonly #options: EventStreamOptions;
  readonly #actions = new Map<string, EventAction[]>();
  readonly #everyEvent: EventAction[] = [];
  readonly #flushActions: (() => void)[] = [];
  readonly #closeActions: (() => void)[] = [];
  readonly #errorActions: ((error: unknown) => void)[] = [];
  #closed = false;
  #wake: (() => void) | undefined;
  #finished: Promise<void> | undefined;

  private constructor(directory: string, options: EventStreamOptions) {
    this.#directory = directory;
    this.#options = options;
  }

  /** Follows the repository in a directory (the one that holds the chunk files). */
  static openRepository(directory: string, options: EventStreamOptions = {}): EventStream {
    return new EventStream(directory, options);
  }

  /** Calls `action` with each event, or with each of the type `name`. */
  onEvent(action: EventAction): this;
  onEvent(name: string, action: EventAction): this;
  onEvent(name: string | EventAction, action?: EventAction): this {
    if (typeof name === 'function') this.#everyEvent.push(name);
    else if (action !== undefined) {
      const known = this.#actions.get(name);
      if (known === undefined) this.#actions.set(name, [action]);
      else known.push(action);
    }
    return this;
  }

  /** Calls `action` after the events of each flush. */
  onFlush(action: () => void): this {
    this.#flushActions.push(action);
    return this;
  }

  onClose(action: () => void): this {
    this.#closeActions.push(action);
    return this;
  }

  /** Calls `action` with what an action threw, or what made the stream end; else the stream rejects. */
  onError(action: (error: unknown) => void): this {
    this.#errorActions.push(action);
    return this;
  }

  /** Runs the stream until it is closed, the recorder says that nothing follows, or its end time. */
  start(): Promise<void> {
    this.#finished ??= this.#run().finally(() => {
      this.#closed = true;
      for (const action of this.#closeActions) action();
    });
    return this.#finished;
  }

  /** Ends the stream; {@link start}'s promise is fulfilled soon after. */
  close(): void {
    this.#closed = true;
    this.#wake?.();
  }

  async #run(): Promise<void> {
    try {
      const from = this.#options.startNanos ?? BigInt(Date.now()) * 1_000_000n;
      let next = 0n;
      let first = true;
      while (!this.#closed) {
        const found = this.#findChunk(first ? from : next, first);
        if (found === undefined) {
          await this.#pause();
          continue;
        }
        first = false;
        const header = await this.#follow(found);
        if (header === undefined) return;
        next = header.startNanos + header.durationNanos;
        if ((header.flags & FLAG_FINAL) !== 0) return;
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The chunk that is going on at `nanos`, else the first that begins there or later. */
  #findChunk(nanos: bigint, ongoing: boolean): string | undefined {
    const chunks: { path: string; header: ChunkHeader }[] = [];
    for (const name of listChunks(this.#directory)) {
      const path = join(this.#directory, name);
      const file = GrowingChunk.open(path);
      if (file === undefined) continue;
      try {
        chunks.push({ path, header: file.readHeader() });
      } finally {
        file.close();
      }
    }
    chunks.sort((a, b) => (a.header.startNanos < b.header.startNanos ? -1 : 1));
    const going = ({ header }: { header: ChunkHeader }): boolean =>
      header.state !== STATE_FINISHED || header.startNanos + header.durationNanos > nanos;
    const later = chunks.find(({ header }) => header.startNanos >= nanos);
    return (ongoing ? (chunks.find(going) ?? later) : later)?.path;
  }

  /** Reads a chunk to its end; its last header, or undefined when the stream is over. */
  async #follow(path: string): Promise<ChunkHeader | undefined> {
    const file = GrowingChunk.open(path);
    // dropped in between, by maxAge or maxSize
    if (file === undefined) return undefined;
    let generation = -1;
    let seen = HEADER_SIZE;
    try {
      while (!this.#closed) {
        const header = file.readHeader();
        if (header.state === generation && header.state !== STATE_FINISHED) {
          await this.#pause();
          continue;
        }
        generation = header.state;
        // nothing was published yet: no metadata to read by
        if (header.metadataPosition > 0) {
          if (!(await this.#deliver(file.read(header), seen))) return undefined;
          seen = header.size;
          for (const action of this.#flushActions) this.#call(action);
        }
        if (header.state === STATE_FINISHED) return header;
        await this.#pause();
      }
      return undefined;
    } finally {
      file.close();
    }
  }

  /** Hands over the events from `seen` on; false when the end time is reached. */
  async #deliver(bytes: Uint8Array, seen: number): Promise<boolean> {
    const { startNanos = 0n, endNanos } = this.#options;
    // who records and streams nothing does without the reader
    const { openRecording } = await import('@rekindle/jfr');
    const chunk = await (await openRecording(bytes)).chunk(0);
    for (const event of this.#fresh(chunk, seen)) {
      const end = event.endNanos;
      if (end < startNanos) continue;
      if (endNanos !== undefined && end > endNanos) return false;
      for (const action of this.#everyEvent) this.#call(() => action(event));
      for (const action of this.#actions.get(event.name) ?? []) this.#call(() => action(event));
      if (this.#closed) return false;
    }
    return true;
  }

  /** The events from `seen` on that somebody wants, in the order and the objects that were asked for. */
  *#fresh(chunk: Chunk, seen: number): Generator<JfrEvent> {
    const { ordered = true, reuse = false } = this.#options;
    const filter = this.#everyEvent.length > 0 ? undefined : { types: [...this.#actions.keys()] };
    const found: { type: JfrEvent['type']; offset: number; end: bigint; event: JfrEvent }[] = [];
    for (const event of chunk.events(filter, reuse)) {
      const { type, offset } = event;
      if (offset < seen) continue;
      if (ordered) found.push({ type, offset, end: event.endNanos, event });
      else yield event;
    }
    found.sort((a, b) => Number(a.end - b.end));
    for (const { type, offset, event } of found) {
      if (reuse) event.moveTo(type, offset);
      yield event;
    }
  }

  /** An action that throws does not end the stream where somebody listens for errors. */
  #call(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (this.#errorActions.length === 0) throw error;
      for (const listener of this.#errorActions) listener(error);
    }
  }

  #fail(error: unknown): void {
    if (this.#errorActions.length === 0) throw error;
    for (const listener of this.#errorActions) listener(error);
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#options.pollMillis ?? POLL);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }
}
