// SPDX-License-Identifier: Apache-2.0
// What may be done with a recording in which state, and what becomes of its data then.
import type { Announcements } from './announcements.ts';
import { now } from './clock.ts';
import { RecorderError } from './error.ts';
import type { RecordingOptions, RecordingState } from './protocol.ts';
import type { RecordingBook, RecordingEntry } from './recording-book.ts';
import { mergeSettings } from './settings.ts';
import type { Turnover } from './turnover.ts';
import type { SharedTypes } from './types.ts';

const MILLI = 1e6;

/** Milliseconds since 1970: only chunks that overlap. */
interface Range {
  readonly begin?: number | undefined;
  readonly end?: number | undefined;
}

export class Lifecycle {
  readonly #book: RecordingBook;
  readonly #turnover: Turnover;
  readonly #types: SharedTypes;
  readonly #announcements: Announcements;

  constructor(
    book: RecordingBook,
    turnover: Turnover,
    types: SharedTypes,
    announcements: Announcements,
  ) {
    this.#book = book;
    this.#turnover = turnover;
    this.#types = types;
    this.#announcements = announcements;
  }

  configure(recording: RecordingEntry, options: RecordingOptions): void {
    recording.options = { ...recording.options, ...options };
    if (recording.state === 'running') this.#turnover.rotate(() => this.#book.setDue(recording));
  }

  start(recording: RecordingEntry): void {
    const { state, options } = recording;
    if (state !== 'new' && state !== 'delayed') {
      throw wrong(recording, 'start', 'a recording runs once; make a new one');
    }
    if (state === 'new' && (options.delay ?? 0) > 0) {
      this.#book.become(recording, 'delayed');
      recording.due = now() + options.delay! * MILLI;
    } else {
      this.run(recording);
    }
  }

  /** Begins a chunk with each recording, so that none has foreign data at its start. */
  run(recording: RecordingEntry): void {
    this.#turnover.rotate(() => this.#book.begin(recording));
  }

  stop(recording: RecordingEntry, destination: string | undefined): void {
    if (recording.state === 'delayed' || recording.state === 'new') {
      this.#book.become(recording, 'stopped');
      return;
    }
    requireState(recording, 'stop', ['running']);
    const target = destination ?? recording.options.destination;
    if (target !== undefined) this.#tellDump('Stopped', recording.id);
    this.#end(recording);
    if (target === undefined) return;
    recording.options = { ...recording.options, destination: target };
    this.#book.write(recording.chunks, target);
  }

  close(recording: RecordingEntry): void {
    if (recording.state === 'running') this.#end(recording);
    this.#book.become(recording, 'closed');
    this.#book.drop(recording);
  }

  dump(recording: RecordingEntry, path: string, { begin, end }: Range): void {
    requireState(recording, 'dump', ['running', 'stopped']);
    if (recording.state === 'running') {
      this.#tellDump('Dumped by user', recording.id);
      this.#turnover.rotate();
    }
    const from = begin === undefined ? 0n : BigInt(Math.round(begin)) * 1_000_000n;
    const to = end === undefined ? undefined : BigInt(Math.round(end)) * 1_000_000n;
    const chunks = recording.chunks.filter(
      (chunk) => chunk.endNanos >= from && (to === undefined || chunk.startNanos <= to),
    );
    this.#book.write(chunks, path);
  }

  clone(recording: RecordingEntry, stop: boolean): RecordingEntry {
    if (recording.state === 'running') this.#turnover.rotate();
    const clone = this.#book.copy(recording, {
      ...recording.options,
      destination: undefined,
      name: `Clone of ${recording.options.name ?? recording.id}`,
    });
    if (recording.startTime === undefined) return clone;
    if (recording.state === 'running' && !stop) {
      this.#book.become(clone, 'running');
    } else {
      clone.stopTime ??= Date.now();
      this.#book.become(clone, 'stopped');
    }
    return clone;
  }

  /** Another recording, of everything there is. */
  snapshot(): RecordingEntry {
    if (this.#book.running.length > 0) this.#turnover.rotate();
    return this.#book.snapshot();
  }

  /**
   * The process ends: whatever runs is completed, and written where it was asked for. With an error that
   * nobody caught, that is told as HotSpot tells a crash: once, of no recording.
   */
  exit(crashed: boolean): void {
    this.#types.applySettings(mergeSettings([]));
    const running = this.#book.running;
    if (crashed && running.length > 0) this.#tellDump('Crash', NO_RECORDING);
    for (const { id, options } of crashed ? [] : running) {
      if (options.destination !== undefined || options.dumpOnExit) this.#tellDump('Exit', id);
    }
    this.#turnover.rotate(() => {
      for (const recording of running) this.#book.end(recording);
    }, true);
    for (const { id, options, chunks } of running) {
      const { destination, dumpOnExit } = options;
      const path = destination ?? (dumpOnExit === true ? exitName(id) : undefined);
      if (path !== undefined) this.#turnover.attempt(() => this.#book.write(chunks, path));
    }
  }

  #end(recording: RecordingEntry): void {
    // the last one: nothing may be committed any more when the chunk ends
    if (this.#book.running.length === 1) this.#types.applySettings(mergeSettings([]));
    this.#turnover.rotate(() => this.#book.end(recording));
  }

  #tellDump(why: string, id: number): void {
    this.#turnover.attempt(() => this.#announcements.dumpReason(this.#turnover.settings, id, why));
  }
}

/** How jdk.DumpReason says that no recording asked for it. */
const NO_RECORDING = -1;

function requireState(
  recording: RecordingEntry,
  what: string,
  states: readonly RecordingState[],
): void {
  if (!states.includes(recording.state)) throw wrong(recording, what);
}

function wrong(recording: RecordingEntry, what: string, hint?: string): RecorderError {
  return new RecorderError(
    'RECORDER_WRONG_STATE',
    `cannot ${what} recording ${recording.id}: it is ${recording.state}`,
    hint === undefined ? {} : { hint },
  );
}

function exitName(id: number): string {
  const time = new Date().toISOString().slice(0, 19).replace(/[-:T]/g, '_');
  return `rekindle-pid-${process.pid}-id-${id}-${time}.jfr`;
}
