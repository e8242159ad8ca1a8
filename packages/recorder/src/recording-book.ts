// SPDX-License-Identifier: Apache-2.0
// The recordings of a process and the chunks they share. A chunk's file goes when no recording wants it.
import { existsSync } from 'node:fs';
import type { Chunk, Chunks } from './chunks.ts';
import { now, type Ticks } from './clock.ts';
import { concatenate } from './concatenate.ts';
import { RecorderError } from './error.ts';
import type {
  ChunkInfo,
  Notice,
  RecordingInfo,
  RecordingOptions,
  RecordingState,
} from './protocol.ts';

export interface RecordingEntry {
  readonly id: number;
  options: RecordingOptions;
  state: RecordingState;
  /** Milliseconds since 1970. */
  startTime: number | undefined;
  /** The same moment as startTime, on the clock that nobody sets. */
  startTicks: Ticks;
  stopTime: number | undefined;
  /** When a delayed one starts, or a limited one stops. */
  due: Ticks;
  chunks: Chunk[];
}

/** Milliseconds between flushes where no recording asks for less. */
const DEFAULT_FLUSH = 1000;
const MILLI = 1e6;

export class RecordingBook {
  readonly #chunks: Chunks;
  readonly #tell: (notice: Notice) => void;
  readonly #recordings = new Map<number, RecordingEntry>();
  #nextId = 1;

  constructor(chunks: Chunks, tell: (notice: Notice) => void) {
    this.#chunks = chunks;
    this.#tell = tell;
  }

  get all(): RecordingEntry[] {
    return [...this.#recordings.values()];
  }

  get running(): RecordingEntry[] {
    return this.all.filter(({ state }) => state === 'running');
  }

  /** Those that a moment will change: delayed or running. */
  get pending(): RecordingEntry[] {
    return this.all.filter(({ state }) => state === 'running' || state === 'delayed');
  }

  /** Milliseconds between flushes: the smallest that a running recording asks for. */
  get flushInterval(): number {
    const intervals = this.running.map(({ options }) => options.flushInterval ?? DEFAULT_FLUSH);
    return Math.max(1, Math.min(DEFAULT_FLUSH, ...intervals));
  }

  create(options: RecordingOptions): RecordingEntry {
    const recording: RecordingEntry = {
      id: this.#nextId++,
      options,
      state: 'new',
      startTime: undefined,
      startTicks: 0,
      stopTime: undefined,
      due: Number.POSITIVE_INFINITY,
      chunks: [],
    };
    this.#recordings.set(recording.id, recording);
    return recording;
  }

  /** Throws RECORDER_WRONG_STATE when there is no such recording. */
  find(id: number): RecordingEntry {
    const found = this.#recordings.get(id);
    if (found === undefined) {
      throw new RecorderError('RECORDER_WRONG_STATE', `there is no recording ${id}`, {
        hint: 'it may have been closed',
      });
    }
    return found;
  }

  become(recording: RecordingEntry, state: RecordingState): void {
    recording.state = state;
    this.#tell({ notice: 'state', id: recording.id, state });
  }

  /** Starts the clock of a recording that now runs. */
  begin(recording: RecordingEntry): void {
    this.become(recording, 'running');
    recording.startTime = Date.now();
    recording.startTicks = now();
    this.setDue(recording);
  }

  end(recording: RecordingEntry): void {
    this.become(recording, 'stopped');
    recording.stopTime = Date.now();
    recording.due = Number.POSITIVE_INFINITY;
  }

  /** When a running recording is to stop, by its duration. */
  setDue(recording: RecordingEntry): void {
    const { duration } = recording.options;
    recording.due =
      duration === undefined || duration === 0
        ? Number.POSITIVE_INFINITY
        : recording.startTicks + duration * MILLI;
  }

  /** Gives recordings their share in a finished chunk. */
  share(chunk: Chunk, recordings: readonly RecordingEntry[]): void {
    for (const recording of recordings) {
      recording.chunks.push(chunk);
      chunk.references++;
    }
    for (const recording of recordings) this.trim(recording);
    if (chunk.references === 0) this.#chunks.remove(chunk);
  }

  /** Drops chunks beyond the recording's age and size. */
  trim(recording: RecordingEntry): void {
    const { maxAge, maxSize } = recording.options;
    const oldest = maxAge ? BigInt(Date.now() - maxAge) * 1_000_000n : 0n;
    let size = recording.chunks.reduce((sum, chunk) => sum + chunk.bytes, 0);
    const dropped: Chunk[] = [];
    while (recording.chunks.length > 0) {
      const chunk = recording.chunks[0]!;
      // however large: the newest chunk stays, as in the JDK
      const fits = !maxSize || size <= maxSize || recording.chunks.length === 1;
      if (chunk.endNanos >= oldest && fits) break;
      dropped.push(chunk);
      recording.chunks.shift();
      size -= chunk.bytes;
    }
    this.#release(dropped);
  }

  /** Forgets a recording and what only it wanted. */
  drop(recording: RecordingEntry): void {
    this.#recordings.delete(recording.id);
    this.#release(recording.chunks);
    recording.chunks = [];
  }

  /** Another recording of the same chunks. */
  copy(recording: RecordingEntry, options: RecordingOptions): RecordingEntry {
    const copy = this.create(options);
    copy.startTime = recording.startTime;
    copy.startTicks = recording.startTicks;
    copy.stopTime = recording.stopTime;
    copy.chunks = [...recording.chunks];
    for (const chunk of copy.chunks) chunk.references++;
    return copy;
  }

  /** A stopped recording of every chunk there is. */
  snapshot(): RecordingEntry {
    const chunks = new Set(this.all.flatMap((recording) => recording.chunks));
    const snapshot = this.create({ name: 'Snapshot' });
    snapshot.chunks = [...chunks].sort((a, b) => (a.startNanos < b.startNanos ? -1 : 1));
    for (const chunk of snapshot.chunks) chunk.references++;
    const first = snapshot.chunks[0];
    const last = snapshot.chunks.at(-1);
    if (first && last) {
      snapshot.startTime = Number(first.startNanos / 1_000_000n);
      snapshot.stopTime = Number(last.endNanos / 1_000_000n);
      this.become(snapshot, 'stopped');
    }
    return snapshot;
  }

  /** Writes chunks to a file; says so when some of them are gone. */
  write(chunks: readonly Chunk[], path: string): void {
    const present = chunks.filter((chunk) => existsSync(chunk.path));
    const missing = chunks.length - present.length;
    if (missing > 0) {
      const message = `${missing} of ${chunks.length} chunks for ${path} are missing`;
      this.#tell({ notice: 'trouble', message });
    }
    concatenate(present, path);
  }

  info(recording: RecordingEntry): RecordingInfo {
    const { id, options, state, startTime, stopTime, chunks } = recording;
    const open = state === 'running' ? this.#chunks.length : 0;
    return {
      id,
      name: options.name ?? String(id),
      state,
      settings: options.settings ?? {},
      destination: options.destination,
      disk: options.disk !== false,
      maxAge: options.maxAge,
      maxSize: options.maxSize,
      dumpOnExit: options.dumpOnExit === true,
      duration: options.duration,
      flushInterval: options.flushInterval ?? DEFAULT_FLUSH,
      startTime,
      stopTime,
      size: chunks.reduce((sum, chunk) => sum + chunk.bytes, open),
    };
  }

  chunkInfos({ chunks }: RecordingEntry): ChunkInfo[] {
    return chunks.map(({ path, startNanos, endNanos, bytes }) => ({
      path,
      startNanos,
      endNanos,
      bytes,
    }));
  }

  #release(chunks: readonly Chunk[]): void {
    for (const chunk of chunks) if (--chunk.references === 0) this.#chunks.remove(chunk);
  }
}
