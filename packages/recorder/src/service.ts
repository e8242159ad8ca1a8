// SPDX-License-Identifier: Apache-2.0
// The recorder thread's mind: what recordings ask for, when to flush, rotate, drop and stop. It is
// single-threaded and synchronous; worker.ts turns its crank.

import { Announcements } from './announcements.ts';
import { type Arena, WORD } from './arena.ts';
import { Chunks } from './chunks.ts';
import { now, type Ticks } from './clock.ts';
import { Drain } from './drain.ts';
import { RecorderError } from './error.ts';
import { HandOver } from './hand-over.ts';
import { PeriodicEvents } from './periodic.ts';
import type { ProcessFacts } from './process-facts.ts';
import type {
  ChunkInfo,
  Envelope,
  Notice,
  RecordingInfo,
  RecordingOptions,
  Request,
} from './protocol.ts';
import { RecordingBook, type RecordingEntry } from './recording-book.ts';
import { SelfEvents } from './self-events.ts';
import { effectiveSetting, mergeSettings } from './settings.ts';
import { Turnover } from './turnover.ts';
import { SharedTypes } from './types.ts';

export interface ServiceOptions {
  readonly directory: string;
  readonly facts: ProcessFacts;
  /** Bytes after which a chunk is ended. */
  readonly maxChunkSize: number;
  /** Whether the chunks stay at the end of the process. */
  readonly preserveRepository: boolean;
  /** Thread key and kernel id of the recorder thread itself. */
  readonly key: number;
  readonly osThread: number;
  readonly tell: (notice: Notice) => void;
}

const MILLI = 1e6;
/** Ticks between looks after vanished threads, old chunks and removed files. */
const HOUSEKEEPING = 1000 * MILLI;
/** Milliseconds until another attempt after a failure to write. */
const RETRY = 1000;

export class Service {
  readonly #arena: Arena;
  readonly #options: ServiceOptions;
  readonly #drain: Drain;
  readonly #types: SharedTypes;
  readonly #chunks: Chunks;
  readonly #book: RecordingBook;
  readonly #turnover: Turnover;
  readonly #periodic: PeriodicEvents;
  readonly #announcements: Announcements;
  readonly #handOver: HandOver;
  /** Recordings whose duration is over while threads hand over what they have. */
  readonly #ending = new Set<RecordingEntry>();
  #nextFlush: Ticks = 0;
  #nextHousekeeping: Ticks = 0;
  #nextPeriodic: Ticks = 0;
  #peakThreads = 0;

  constructor(arena: Arena, options: ServiceOptions) {
    this.#arena = arena;
    this.#options = options;
    this.#drain = new Drain(arena);
    this.#handOver = new HandOver(arena, this.#drain, options.tell);
    this.#types = new SharedTypes(arena, options.osThread);
    const events = new SelfEvents(this.#types, options.key);
    this.#chunks = new Chunks(arena, this.#drain, this.#types, events, options.directory, {
      begin: () => {
        this.#announcements.all(
          this.#book.running,
          this.#turnover.settings,
          this.#book.flushInterval,
        );
        this.#periodic.atChunk('beginChunk');
      },
      end: () => {
        this.#periodic.atChunk('endChunk');
        this.#announcements.newTypes(this.#turnover.settings);
      },
      flushed: (startTicks, buffers, bytes) => {
        this.#announcements.flush(this.#turnover.settings, startTicks, buffers, bytes);
      },
    });
    this.#book = new RecordingBook(this.#chunks, options.tell);
    this.#turnover = new Turnover(arena, this.#types, this.#chunks, this.#book, options.tell);
    const emit: Chunks['emit'] = (declaration, ...args) => this.#chunks.emit(declaration, ...args);
    this.#announcements = new Announcements(this.#types, emit);
    this.#periodic = new PeriodicEvents({
      facts: options.facts,
      emit,
      setting: (event, name) => {
        const type = this.#types.registry.event(event);
        return type === undefined
          ? undefined
          : effectiveSetting(this.#turnover.settings, type, name);
      },
      threads: () => this.#drain.threads(),
      threadCounts: () => this.#threadCounts(),
    });
    for (const declaration of this.#periodic.declarations) this.#types.register(declaration);
  }

  /** Does what is due and answers how many milliseconds may pass until the next call. */
  work(): number {
    this.#handOver.work();
    if (this.#book.pending.length === 0) {
      if (this.#crowded) this.#freeSlots();
      // nobody is interested in who left while nothing was recorded
      this.#drain.forgetDeparted();
      return Number.POSITIVE_INFINITY;
    }
    try {
      this.#workDue();
      this.#turnover.recover();
    } catch (error) {
      this.#turnover.fail(error);
      return RETRY;
    }
    const dues = this.#book.pending
      .filter((recording) => !this.#ending.has(recording))
      .map(({ due }) => due);
    const next = Math.min(
      this.#nextFlush,
      this.#nextPeriodic,
      this.#nextHousekeeping,
      this.#handOver.deadline,
      ...dues,
    );
    return Math.max(0, Math.ceil((next - now()) / MILLI));
  }

  /**
   * Has a request answered: when the threads have handed over what belongs to it, where there is time for
   * that. A request that cannot wait (its thread may be the very one that is to hand over) ends the patience
   * with those before it that are about the same recording.
   */
  submit({ request, handedOver }: Envelope, answer: () => void): void {
    if (handedOver !== undefined && this.#takesData(request)) {
      const ends = request.op === 'stop' && this.#book.running.length === 1;
      this.#handOver.ask({ id: subject(request), ends, done: handedOver, goOn: answer });
      return;
    }
    if (request.op === 'exit') this.#handOver.finish();
    else if (request.op !== 'info' && request.op !== 'chunks')
      this.#handOver.finish(subject(request));
    answer();
  }

  /** Answers a request. Throws RecorderError. */
  handle(request: Request): unknown {
    const book = this.#book;
    switch (request.op) {
      case 'new':
        return book.info(book.create(request.options));
      case 'configure':
        return this.#configure(book.find(request.id), request.options);
      case 'start':
        return this.#start(book.find(request.id));
      case 'stop':
        return this.#stop(book.find(request.id), request.destination);
      case 'close':
        return this.#close(book.find(request.id));
      case 'info':
        return book.info(book.find(request.id));
      case 'dump':
        return this.#dump(book.find(request.id), request.path, request.begin, request.end);
      case 'clone':
        return book.info(this.#clone(book.find(request.id), request.stop));
      case 'snapshot':
        if (book.running.length > 0) this.#turnover.rotate();
        return book.info(book.snapshot());
      case 'list':
        return book.all.map((recording) => book.info(recording));
      case 'flush':
        this.#turnover.attempt(() => this.#chunks.flush());
        return undefined;
      case 'chunks':
        return book.find(request.id).chunks.map(
          ({ path, startNanos, endNanos, bytes }): ChunkInfo => ({
            path,
            startNanos,
            endNanos,
            bytes,
          }),
        );
      case 'types':
        return this.#types.infos();
      case 'repository':
        return this.#chunks.directory;
      case 'exit':
        return this.#exit();
    }
  }

  #workDue(): void {
    const time = now();
    for (const recording of this.#book.pending) {
      if (recording.due > time || this.#ending.has(recording)) continue;
      if (recording.state === 'delayed') this.#run(recording);
      else this.#endDue(recording);
    }
    if (this.#book.running.length === 0) return;
    this.#chunks.begin();
    this.#chunks.takeFull();
    if (this.#chunks.length >= this.#options.maxChunkSize) this.#turnover.rotate();
    if (time >= this.#nextFlush) {
      this.#announcements.newTypes(this.#turnover.settings);
      this.#chunks.flush();
      this.#nextFlush = now() + this.#book.flushInterval * MILLI;
    }
    this.#nextPeriodic = this.#periodic.work(time);
    const crowded = this.#crowded;
    if (crowded) this.#chunks.flush();
    if (crowded || time >= this.#nextHousekeeping) {
      this.#freeSlots();
      this.#chunks.checkFile();
      for (const recording of this.#book.running) this.#book.trim(recording);
      this.#nextHousekeeping = time + HOUSEKEEPING;
    }
  }

  /** Whether threads that left hold many of the slots, or a thread looks for one. */
  get #crowded(): boolean {
    const { words, shape } = this.#arena;
    return words[WORD.dead]! > shape.slots >> 2 || words[WORD.seeking]! > 0;
  }

  #freeSlots(): void {
    this.#drain.findDead();
    this.#drain.freeDead();
  }

  #configure(recording: RecordingEntry, options: RecordingOptions): RecordingInfo {
    recording.options = { ...recording.options, ...options };
    if (recording.state === 'running') this.#turnover.rotate(() => this.#book.setDue(recording));
    return this.#book.info(recording);
  }

  #start(recording: RecordingEntry): RecordingInfo {
    const { state, options } = recording;
    if (state !== 'new' && state !== 'delayed') {
      throw wrong(recording, 'start', 'a recording runs once; make a new one');
    }
    if (state === 'new' && (options.delay ?? 0) > 0) {
      this.#book.become(recording, 'delayed');
      recording.due = now() + options.delay! * MILLI;
    } else {
      this.#run(recording);
    }
    return this.#book.info(recording);
  }

  #run(recording: RecordingEntry): void {
    // A chunk begins with each recording, so that none has foreign data at its start.
    this.#turnover.rotate(() => this.#book.begin(recording));
    this.#nextFlush = now() + this.#book.flushInterval * MILLI;
  }

  #stop(recording: RecordingEntry, destination: string | undefined): RecordingInfo {
    if (recording.state === 'delayed' || recording.state === 'new') {
      this.#book.become(recording, 'stopped');
      return this.#book.info(recording);
    }
    if (recording.state !== 'running') throw wrong(recording, 'stop');
    const target = destination ?? recording.options.destination;
    if (target !== undefined) this.#tellDump(recording, 'Stopped');
    this.#end(recording);
    if (target !== undefined) {
      recording.options = { ...recording.options, destination: target };
      this.#book.write(recording.chunks, target);
    }
    return this.#book.info(recording);
  }

  /** Whether what threads have gathered belongs to the answer. */
  #takesData(request: Request): boolean {
    const { running } = this.#book;
    if (request.op === 'snapshot') return running.length > 0;
    if (request.op !== 'stop' && request.op !== 'dump' && request.op !== 'clone') return false;
    return running.some(({ id }) => id === request.id);
  }

  /** Its duration is over. */
  #endDue(recording: RecordingEntry): void {
    this.#ending.add(recording);
    const goOn = (): void => {
      this.#ending.delete(recording);
      if (recording.state === 'running') {
        this.#turnover.attempt(() => this.#stop(recording, undefined));
      }
    };
    const ends = this.#book.running.length === 1;
    this.#handOver.ask({ id: recording.id, ends, done: -1, goOn });
  }

  #end(recording: RecordingEntry): void {
    // the last one: nothing may be committed any more when the chunk ends
    if (this.#book.running.length === 1) this.#types.applySettings(mergeSettings([]));
    this.#turnover.rotate(() => this.#book.end(recording));
  }

  #close(recording: RecordingEntry): RecordingInfo {
    if (recording.state === 'running') this.#end(recording);
    this.#book.become(recording, 'closed');
    this.#book.drop(recording);
    return this.#book.info(recording);
  }

  #dump(
    recording: RecordingEntry,
    path: string,
    begin: number | undefined,
    end: number | undefined,
  ): RecordingInfo {
    if (recording.state === 'new' || recording.state === 'delayed') throw wrong(recording, 'dump');
    if (recording.state === 'running') {
      this.#tellDump(recording, 'Dumped by user');
      this.#turnover.rotate();
    }
    const from = begin === undefined ? 0n : BigInt(Math.round(begin)) * 1_000_000n;
    const to = end === undefined ? undefined : BigInt(Math.round(end)) * 1_000_000n;
    const chunks = recording.chunks.filter(
      (chunk) => chunk.endNanos >= from && (to === undefined || chunk.startNanos <= to),
    );
    this.#book.write(chunks, path);
    return this.#book.info(recording);
  }

  #clone(recording: RecordingEntry, stop: boolean): RecordingEntry {
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

  /** The process ends: whatever runs is completed, and written where it was asked for. */
  #exit(): undefined {
    this.#types.applySettings(mergeSettings([]));
    const running = this.#book.running;
    for (const recording of running) {
      const { destination, dumpOnExit } = recording.options;
      if (destination !== undefined || dumpOnExit === true) this.#tellDump(recording, 'Exit');
    }
    this.#turnover.rotate(() => {
      for (const recording of running) this.#book.end(recording);
    }, true);
    for (const { id, options, chunks } of running) {
      const { destination, dumpOnExit } = options;
      const path = destination ?? (dumpOnExit === true ? exitName(id) : undefined);
      if (path !== undefined) this.#turnover.attempt(() => this.#book.write(chunks, path));
    }
    if (this.#options.preserveRepository) return undefined;
    for (const recording of this.#book.all) this.#book.drop(recording);
    this.#chunks.removeDirectory();
    return undefined;
  }

  #tellDump({ id }: RecordingEntry, why: string): void {
    this.#turnover.attempt(() => this.#announcements.dumpReason(this.#turnover.settings, id, why));
  }

  #threadCounts(): { accumulated: number; peak: number } {
    this.#peakThreads = Math.max(this.#peakThreads, this.#drain.threads().length);
    return { accumulated: this.#arena.words[WORD.threadKey]!, peak: this.#peakThreads };
  }
}

/** The recording that a request is about; 0: none. */
function subject(request: Request): number {
  return 'id' in request ? request.id : 0;
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
