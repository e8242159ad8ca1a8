// SPDX-License-Identifier: Apache-2.0
// The chunk being written, and how one follows another. Rotation is the protocol of docs/rotation.md;
// flushing publishes what was taken, in the order: events, then the constants they refer to.
import { existsSync } from 'node:fs';
import { ChunkWriter, DataLoss, type EventDeclaration } from '@rekindle/jfr/writing';
import { type Arena, KIND_CONSTANTS, KIND_EVENTS, WORD } from './arena.ts';
import { ChunkFiles, removeFile } from './chunk-files.ts';
import { clockPair, now, type Ticks } from './clock.ts';
import type { Drain } from './drain.ts';
import { RecorderError } from './error.ts';
import { FileSink } from './file-sink.ts';
import type { SelfEvents } from './self-events.ts';
import { SharedPools } from './shared-pools.ts';
import type { SharedTypes } from './types.ts';
import type { CommitArguments } from './values.ts';

/** A finished chunk in the repository. */
export interface Chunk {
  readonly path: string;
  readonly startNanos: bigint;
  readonly endNanos: bigint;
  /** The same moment as endNanos. */
  readonly endTicks: Ticks;
  readonly bytes: number;
  /** Recordings that want it; its file goes when none is left. */
  references: number;
}

interface Begun {
  readonly startNanos: bigint;
  readonly startTicks: Ticks;
}

interface OpenChunk extends Begun {
  readonly sink: FileSink;
}

/** Bytes of the recorder's own events that memory mode keeps. */
const MAX_KEPT: number = 1 << 20;

/** End of the name of a file that has no header yet. */
const PART = '.part';

export interface ChunkHooks {
  /** Events for the beginning and the end of each chunk. */
  begin(): void;
  end(): void;
  /** What a flush gathered, since `startTicks`; before it is published. */
  flushed(startTicks: Ticks, buffers: number, bytes: number): void;
}

export class Chunks {
  readonly #files: ChunkFiles;
  readonly #arena: Arena;
  readonly #drain: Drain;
  readonly #types: SharedTypes;
  readonly #events: SelfEvents;
  #pools: SharedPools;
  #writer: ChunkWriter;
  readonly #hooks: ChunkHooks;
  #open: OpenChunk | undefined;
  #begun: Begun | undefined;
  #kept: Uint8Array[] = [];
  #keptBytes = 0;
  #lastEnd = 0n;
  #reportedLoss = 0;
  /** Taken by the present flush. */
  #buffers = 0;
  #bytes = 0;

  constructor(
    arena: Arena,
    drain: Drain,
    types: SharedTypes,
    events: SelfEvents,
    directory: string,
    hooks: ChunkHooks,
  ) {
    this.#arena = arena;
    this.#drain = drain;
    this.#types = types;
    this.#events = events;
    this.#hooks = hooks;
    this.#files = new ChunkFiles(directory);
    this.#pools = new SharedPools(types.registry, () => drain.threads());
    this.#writer = new ChunkWriter(types.registry, this.#pools);
  }

  get directory(): string {
    return this.#files.directory;
  }

  get open(): boolean {
    return this.#open !== undefined;
  }

  /** Bytes of the open chunk; 0 when there is none. */
  get length(): number {
    return this.#writer.length;
  }

  /**
   * Begins a chunk where none has begun. In memory mode its file is made only when it ends: until then
   * the data stay in the global buffers. A chunk that follows another without a gap starts on its very
   * nanosecond: the JDK looks for the next chunk under that start time, and where there is none it
   * takes the newest file instead and never reads those between (RepositoryFiles.nextPath).
   */
  begin(previous?: Chunk): void {
    if (this.#open !== undefined) return;
    if (this.#begun === undefined && previous !== undefined) {
      this.#begun = { startNanos: previous.endNanos, startTicks: previous.endTicks };
    } else if (this.#begun === undefined) {
      const { epochNanos, ticks } = clockPair();
      const startNanos = epochNanos > this.#lastEnd ? epochNanos : this.#lastEnd + 1n;
      this.#begun = { startNanos, startTicks: ticks };
    }
    if (Atomics.load(this.#arena.words, WORD.toDisk) === 1) this.#makeFile(this.#begun);
  }

  /** Appends an event of the recorder's own. */
  emit<const D extends EventDeclaration>(declaration: D, ...args: CommitArguments<D>): void {
    if (this.#open !== undefined) {
      this.#writer.appendEvents(this.#events.encode(declaration, ...args));
    } else if (this.#begun !== undefined) {
      // in memory mode: kept until there is a file, the oldest giving way
      const event = this.#events.encode(declaration, ...args).slice();
      this.#kept.push(event);
      this.#keptBytes += event.length;
      while (this.#keptBytes > MAX_KEPT) this.#keptBytes -= this.#kept.shift()!.length;
    }
  }

  /** Takes full global buffers, so that writers find free ones. */
  takeFull(): void {
    if (this.#open === undefined) return;
    const epoch = this.#epoch();
    this.#drain.takeGlobals(KIND_EVENTS, epoch, true, (bytes) => this.#append(bytes));
    this.#drain.takeGlobals(KIND_CONSTANTS, epoch, true, (bytes) => this.#pools.addRecords(bytes));
  }

  /** Makes everything committed so far visible to readers of the file. */
  flush(): void {
    if (this.#open !== undefined) {
      const startTicks = now();
      this.#buffers = 0;
      this.#bytes = 0;
      this.#takeAll(this.#epoch());
      if (this.#buffers > 0) this.#hooks.flushed(startTicks, this.#buffers, this.#bytes);
      this.#writer.flush(now());
    } else if (this.#begun !== undefined) {
      this.#takeConstants(this.#epoch());
      this.#drain.promoteDead(this.#epoch());
    }
  }

  /**
   * Ends the open chunk. Events committed before the call are in it; an event that is being written
   * during the call is in it or in the next, together with its constants.
   */
  end(final: boolean): Chunk | undefined {
    if (this.#open === undefined && this.#begun !== undefined) this.#makeFile(this.#begun);
    const open = this.#open;
    if (open === undefined) return undefined;
    const epoch = this.#epoch();
    // Most of the work, while writers go on.
    this.#takeAll(epoch);
    const clock = clockPair();
    // A wall clock that was set back must not tear the recording apart: time goes on from the chunk.
    const elapsed = BigInt(Math.max(1, Math.round(clock.ticks - open.startTicks)));
    const next = clock.epochNanos > open.startNanos ? clock.epochNanos : open.startNanos + elapsed;
    Atomics.store(this.#arena.words, WORD.epoch, epoch + 1);
    this.#drain.awaitGrace(epoch);
    this.#takeAll(epoch);
    this.#hooks.end();
    this.#writer.finish({ durationNanos: next - open.startNanos, final, ticks: now() });
    const chunk: Chunk = {
      path: open.sink.path,
      startNanos: open.startNanos,
      endNanos: next,
      endTicks: clock.ticks,
      bytes: open.sink.length,
      references: 0,
    };
    open.sink.close();
    this.#open = undefined;
    this.#begun = undefined;
    this.#lastEnd = next;
    this.#drain.forgetDeparted();
    return chunk;
  }

  /** Throws RECORDER_IO when somebody has removed the file that is being written. */
  checkFile(): void {
    const path = this.#open?.sink.path;
    if (path === undefined || existsSync(path)) return;
    throw new RecorderError('RECORDER_IO', `${path} was removed while it was being written`, {
      path,
      hint: 'configure a repository that nobody cleans up',
    });
  }

  /**
   * Ends the open chunk after a write failed, where its last flush left it; what came after is lost.
   * Undefined where there was no flush, or where the file cannot even be closed properly.
   */
  giveUp(): Chunk | undefined {
    const open = this.#open;
    if (open === undefined) return undefined;
    const { bytes, durationNanos } = this.#writer.published;
    this.#lose(this.#writer.length - bytes);
    const whole = open.sink.closeAt(bytes) && bytes > 0 && existsSync(open.sink.path);
    this.#open = undefined;
    this.#begun = undefined;
    this.#pools = new SharedPools(this.#types.registry, () => this.#drain.threads());
    this.#writer = new ChunkWriter(this.#types.registry, this.#pools);
    const epoch = this.#epoch();
    Atomics.store(this.#arena.words, WORD.epoch, epoch + 1);
    this.#drain.awaitGrace(epoch);
    this.#drain.take(KIND_EVENTS, epoch, (lost) => this.#lose(lost.length));
    this.#drain.take(KIND_CONSTANTS, epoch, () => {});
    const { path } = open.sink;
    if (!whole || path.endsWith(PART)) {
      removeFile(path);
      return undefined;
    }
    const elapsed = durationNanos > 0n ? durationNanos : 1n;
    this.#lastEnd = open.startNanos + elapsed;
    return {
      path,
      startNanos: open.startNanos,
      endNanos: this.#lastEnd,
      endTicks: open.startTicks + Number(elapsed),
      bytes,
      references: 0,
    };
  }

  #lose(bytes: number): void {
    Atomics.add(this.#arena.words, WORD.lost, bytes);
  }

  #append(events: Uint8Array): void {
    try {
      this.#writer.appendEvents(events);
      this.#buffers++;
      this.#bytes += events.length;
    } catch (error) {
      this.#lose(events.length);
      throw error;
    }
  }

  #epoch(): number {
    return Atomics.load(this.#arena.words, WORD.epoch);
  }

  #makeFile({ startNanos, startTicks }: Begun): void {
    const path = this.#files.next(startNanos);
    // A follower must never see a file without a header: it gets its name when it has one.
    const sink = new FileSink(`${path}${PART}`);
    const written = this.#writer.begin(sink, { startNanos, startTicks });
    this.#open = { sink, startNanos: written, startTicks };
    this.#hooks.begin();
    for (const event of this.#kept) this.#writer.appendEvents(event);
    this.#kept = [];
    this.#keptBytes = 0;
    this.#writer.flush(now());
    sink.rename(path);
  }

  #takeAll(epoch: number): void {
    this.#drain.take(KIND_EVENTS, epoch, (bytes) => this.#append(bytes));
    // After the events: whoever registered a type or a constant did it before it committed.
    this.#takeConstants(epoch);
    this.#types.refresh();
    const total = this.#drain.lost();
    if (total > this.#reportedLoss) {
      this.emit(DataLoss, now(), total - this.#reportedLoss, total);
      this.#reportedLoss = total;
    }
  }

  #takeConstants(epoch: number): void {
    this.#drain.take(KIND_CONSTANTS, epoch, (bytes) => this.#pools.addRecords(bytes));
  }

  /** Removes the directory if it is empty. */
  removeDirectory(): void {
    this.#files.removeDirectory();
  }

  /** Removes the file of a chunk that no recording wants any more. */
  remove(chunk: Chunk): void {
    removeFile(chunk.path);
  }
}
