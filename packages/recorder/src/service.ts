// SPDX-License-Identifier: Apache-2.0
// The recorder thread's mind: when to flush, rotate, drop and stop, and who does what is asked. It is
// single-threaded and synchronous; worker.ts turns its crank. What becomes of a recording: lifecycle.ts.

import { Announcements } from './announcements.ts';
import { type Arena, WORD } from './arena.ts';
import { Chunks } from './chunks.ts';
import { now, type Ticks } from './clock.ts';
import { Drain } from './drain.ts';
import { HandOver } from './hand-over.ts';
import { Lifecycle } from './lifecycle.ts';
import { PeriodicEvents } from './periodic.ts';
import type { ProcessFacts } from './process-facts.ts';
import type { Envelope, Notice, Request } from './protocol.ts';
import { RecordingBook, type RecordingEntry } from './recording-book.ts';
import { SelfEvents } from './self-events.ts';
import { effectiveSetting } from './settings.ts';
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

/** A request that is answered by what is then known about its recording. */
type RequestOfOne = Extract<
  Request,
  { readonly op: 'configure' | 'start' | 'stop' | 'close' | 'info' | 'dump' }
>;

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
  readonly #lifecycle: Lifecycle;
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
    this.#lifecycle = new Lifecycle(this.#book, this.#turnover, this.#types, this.#announcements);
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
   * with those before it that are about the same recording, and goes without what other threads have.
   */
  submit({ request, handedOver, patient }: Envelope, answer: () => void): void {
    const takes = this.#takesData(request);
    const id = subject(request);
    const ends =
      request.op === 'exit' || (request.op === 'stop' && this.#book.running.length === 1);
    if (takes && patient) {
      this.#handOver.ask({ id, ends, done: handedOver, goOn: answer });
      return;
    }
    if (request.op === 'exit') this.#handOver.finish();
    else if (request.op !== 'info' && request.op !== 'chunks') this.#handOver.finish(id);
    if (takes) this.#handOver.goWithout(handedOver, ends);
    answer();
  }

  /** Answers a request. Throws RecorderError. */
  handle(request: Request): unknown {
    const book = this.#book;
    const lifecycle = this.#lifecycle;
    switch (request.op) {
      case 'new':
        return book.info(book.create(request.options));
      case 'clone':
        return book.info(lifecycle.clone(book.find(request.id), request.stop));
      case 'snapshot':
        return book.info(lifecycle.snapshot());
      case 'list':
        return book.all.map((recording) => book.info(recording));
      case 'flush':
        this.#turnover.attempt(() => this.#chunks.flush());
        return undefined;
      case 'chunks':
        return book.chunkInfos(book.find(request.id));
      case 'types':
        return this.#types.infos();
      case 'repository':
        return this.#chunks.directory;
      case 'exit':
        return this.#exit(request.crashed);
      default: {
        const recording = book.find(request.id);
        this.#change(recording, request);
        return book.info(recording);
      }
    }
  }

  #change(recording: RecordingEntry, request: RequestOfOne): void {
    const lifecycle = this.#lifecycle;
    switch (request.op) {
      case 'configure':
        lifecycle.configure(recording, request.options);
        break;
      case 'start':
        this.#soon(() => lifecycle.start(recording));
        break;
      case 'stop':
        lifecycle.stop(recording, request.destination);
        break;
      case 'close':
        lifecycle.close(recording);
        break;
      case 'dump':
        lifecycle.dump(recording, request.path, request);
        break;
      default:
      // to be told about it changes nothing
    }
  }

  #workDue(): void {
    const time = now();
    for (const recording of this.#book.pending) {
      if (recording.due > time || this.#ending.has(recording)) continue;
      if (recording.state === 'delayed') this.#soon(() => this.#lifecycle.run(recording));
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

  /** Begins a recording, whose flush interval counts from now on. */
  #soon(begin: () => void): void {
    begin();
    this.#nextFlush = now() + this.#book.flushInterval * MILLI;
  }

  /** Its duration is over. */
  #endDue(recording: RecordingEntry): void {
    this.#ending.add(recording);
    const goOn = (): void => {
      this.#ending.delete(recording);
      if (recording.state === 'running') {
        this.#turnover.attempt(() => this.#lifecycle.stop(recording, undefined));
      }
    };
    const ends = this.#book.running.length === 1;
    this.#handOver.ask({ id: recording.id, ends, done: -1, goOn });
  }

  #exit(crashed: boolean): undefined {
    this.#lifecycle.exit(crashed);
    if (this.#options.preserveRepository) return undefined;
    for (const recording of this.#book.all) this.#book.drop(recording);
    this.#chunks.removeDirectory();
    return undefined;
  }

  /** Whether what threads have gathered belongs to the answer. */
  #takesData(request: Request): boolean {
    const { running } = this.#book;
    if (request.op === 'snapshot' || request.op === 'exit') return running.length > 0;
    if (request.op !== 'stop' && request.op !== 'dump' && request.op !== 'clone') return false;
    return running.some(({ id }) => id === request.id);
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

  #threadCounts(): { accumulated: number; peak: number } {
    this.#peakThreads = Math.max(this.#peakThreads, this.#drain.threads().length);
    return { accumulated: this.#arena.words[WORD.threadKey]!, peak: this.#peakThreads };
  }
}

/** The recording that a request is about; 0: none. */
function subject(request: Request): number {
  return 'id' in request ? request.id : 0;
}
