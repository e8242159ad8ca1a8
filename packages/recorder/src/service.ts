// SPDX-License-Identifier: Apache-2.0
// The recorder thread's mind: which recordings there are, when to flush, rotate, drop and stop. It is
// single-threaded and synchronous; worker.ts turns its crank.
import { existsSync } from 'node:fs';
import { ActiveRecording, ActiveSetting, DataLoss } from '@rekindle/jfr';
import { type Arena, MAX_TYPES, WORD } from './arena.ts';
import { type Chunk, Chunks } from './chunks.ts';
import { now } from './clock.ts';
import { concatenate } from './concatenate.ts';
import { Drain } from './drain.ts';
import { RecorderError } from './error.ts';
import { reason } from './file-sink.ts';
import { PeriodicEvents } from './periodic.ts';
import type { ProcessFacts } from './process-facts.ts';
import type {
  EventTypeInfo,
  Notice,
  RecordingInfo,
  RecordingOptions,
  RecordingState,
  Request,
} from './protocol.ts';
import { SelfEvents } from './self-events.ts';
import { effectiveSetting, type MergedSettings, mergeSettings } from './settings.ts';
import { SharedTypes } from './types.ts';

export interface ServiceOptions {
  readonly directory: string;
  readonly facts: ProcessFacts;
  /** Bytes after which a chunk is ended. */
  readonly maxChunkSize: number;
  /** Thread key and kernel id of the recorder thread itself. */
  readonly key: number;
  readonly osThread: number;
  readonly tell: (notice: Notice) => void;
}

interface Recording {
  readonly id: number;
  options: RecordingOptions;
  state: RecordingState;
  startTime: number | undefined;
  stopTime: number | undefined;
  /** Ticks at which a delayed one starts or a limited one stops. */
  due: number;
  chunks: Chunk[];
}

const DEFAULT_FLUSH = 1000;
const MILLI = 1e6;
/** Ticks between looks after vanished threads, old chunks and broken files. */
const HOUSEKEEPING = 1000 * MILLI;

export class Service {
  readonly #arena: Arena;
  readonly #options: ServiceOptions;
  readonly #drain: Drain;
  readonly #types: SharedTypes;
  readonly #chunks: Chunks;
  readonly #periodic: PeriodicEvents;
  readonly #recordings = new Map<number, Recording>();
  #settings: MergedSettings = mergeSettings([]);
  #nextId = 1;
  #nextFlush = 0;
  #nextHousekeeping = 0;
  #nextPeriodic = 0;
  #peakThreads = 0;
  #announcedTypes = 0;
  #trouble = '';

  constructor(arena: Arena, options: ServiceOptions) {
    this.#arena = arena;
    this.#options = options;
    this.#drain = new Drain(arena);
    this.#types = new SharedTypes(arena, options.osThread);
    const events = new SelfEvents(this.#types, options.key);
    this.#chunks = new Chunks(arena, this.#drain, this.#types, events, options.directory, {
      begin: () => this.#beginChunk(),
      end: () => {
        this.#periodic.atChunk('endChunk');
        // types registered since the last flush
        this.#announceTypes();
      },
    });
    this.#periodic = new PeriodicEvents({
      facts: options.facts,
      emit: (declaration, ...args) => this.#chunks.emit(declaration, ...args),
      setting: (event, name) => {
        const type = this.#types.registry.event(event);
        return type === undefined ? undefined : effectiveSetting(this.#settings, type, name);
      },
      threads: () => this.#drain.threads(),
      threadCounts: () => this.#threadCounts(),
    });
    for (const declaration of this.#periodic.declarations) this.#types.register(declaration);
    for (const declaration of SELF) this.#types.register(declaration);
  }

  /** Does what is due and answers how many milliseconds may pass until the next call. */
  work(): number {
    const running = this.#running();
    const delayed = this.#all().filter(({ state }) => state === 'delayed');
    if (running.length === 0 && delayed.length === 0) return Number.POSITIVE_INFINITY;
    try {
      this.#workDue();
      this.#trouble = '';
    } catch (error) {
      this.#fail(error);
      return 1000;
    }
    const dues = this.#all()
      .filter(({ state }) => state === 'running' || state === 'delayed')
      .map(({ due }) => due);
    const next = Math.min(this.#nextFlush, this.#nextPeriodic, this.#nextHousekeeping, ...dues);
    return Math.max(0, Math.ceil((next - now()) / MILLI));
  }

  /** A full disk must not end the application; what cannot be kept is counted as lost. */
  #fail(error: unknown): void {
    const message = reason(error);
    if (message !== this.#trouble) this.#options.tell({ notice: 'trouble', message });
    this.#trouble = message;
    this.#chunks.giveUp();
  }

  handle(request: Request): unknown {
    switch (request.op) {
      case 'new':
        return this.#info(this.#create(request.options));
      case 'configure':
        return this.#configure(this.#find(request.id), request.options);
      case 'start':
        return this.#start(this.#find(request.id));
      case 'stop':
        return this.#stop(this.#find(request.id), request.destination);
      case 'close':
        return this.#close(this.#find(request.id));
      case 'info':
        return this.#info(this.#find(request.id));
      case 'dump':
        return this.#dump(this.#find(request.id), request.path, request.begin, request.end);
      case 'clone':
        return this.#info(this.#clone(this.#find(request.id), request.stop));
      case 'snapshot':
        return this.#info(this.#snapshot());
      case 'list':
        return this.#all().map((recording) => this.#info(recording));
      case 'flush':
        this.#chunks.flush();
        return undefined;
      case 'chunks':
        return this.#find(request.id).chunks.map(({ path, startNanos, endNanos, bytes }) => ({
          path,
          startNanos,
          endNanos,
          bytes,
        }));
      case 'types':
        return this.#typeInfos();
      case 'repository':
        return this.#chunks.directory;
      case 'exit':
        return this.#exit();
    }
  }

  #workDue(): void {
    const time = now();
    for (const recording of this.#all()) {
      if (recording.due > time) continue;
      if (recording.state === 'delayed') this.#run(recording);
      else if (recording.state === 'running') this.#stop(recording, undefined);
    }
    if (this.#running().length === 0) return;
    this.#chunks.begin();
    this.#chunks.takeFull();
    if (this.#chunks.length >= this.#options.maxChunkSize) this.#rotate();
    if (time >= this.#nextFlush) {
      this.#announceTypes();
      this.#chunks.flush();
      this.#nextFlush = now() + this.#flushInterval() * MILLI;
    }
    this.#nextPeriodic = this.#periodic.work(time);
    const crowded = this.#arena.words[WORD.dead]! > this.#arena.shape.slots >> 2;
    if (crowded) this.#chunks.flush();
    if (crowded || time >= this.#nextHousekeeping) {
      this.#drain.findDead();
      this.#drain.freeDead();
      this.#chunks.checkFile();
      for (const recording of this.#running()) this.#trim(recording);
      this.#nextHousekeeping = time + HOUSEKEEPING;
    }
  }

  #create(options: RecordingOptions): Recording {
    const recording: Recording = {
      id: this.#nextId++,
      options,
      state: 'new',
      startTime: undefined,
      stopTime: undefined,
      due: Number.POSITIVE_INFINITY,
      chunks: [],
    };
    this.#recordings.set(recording.id, recording);
    return recording;
  }

  #configure(recording: Recording, options: RecordingOptions): RecordingInfo {
    recording.options = { ...recording.options, ...options };
    if (recording.state === 'running') {
      this.#rotate(() => this.#setDue(recording));
    }
    return this.#info(recording);
  }

  #start(recording: Recording): RecordingInfo {
    if (recording.state !== 'new' && recording.state !== 'delayed') {
      throw wrong(recording, 'start', 'a recording runs once; make a new one');
    }
    if (recording.state === 'new' && (recording.options.delay ?? 0) > 0) {
      this.#become(recording, 'delayed');
      recording.due = now() + recording.options.delay! * MILLI;
    } else {
      this.#run(recording);
    }
    return this.#info(recording);
  }

  #run(recording: Recording): void {
    // A chunk begins with each recording, so that none has foreign data at its start.
    this.#rotate(() => {
      this.#become(recording, 'running');
      recording.startTime = Date.now();
      this.#setDue(recording);
    });
    this.#nextFlush = now() + this.#flushInterval() * MILLI;
  }

  #setDue(recording: Recording): void {
    const { duration } = recording.options;
    recording.due =
      duration === undefined || duration === 0
        ? Number.POSITIVE_INFINITY
        : now() + duration * MILLI - (Date.now() - (recording.startTime ?? Date.now())) * MILLI;
  }

  #stop(recording: Recording, destination: string | undefined): RecordingInfo {
    if (recording.state === 'delayed' || recording.state === 'new') {
      this.#become(recording, 'stopped');
      return this.#info(recording);
    }
    if (recording.state !== 'running') throw wrong(recording, 'stop');
    const others = this.#running().filter((other) => other !== recording);
    if (others.length === 0) this.#types.applySettings(mergeSettings([]));
    this.#rotate(() => {
      this.#become(recording, 'stopped');
      recording.stopTime = Date.now();
      recording.due = Number.POSITIVE_INFINITY;
    });
    const target = destination ?? recording.options.destination;
    if (target !== undefined) {
      recording.options = { ...recording.options, destination: target };
      this.#write(recording.chunks, target);
    }
    return this.#info(recording);
  }

  #close(recording: Recording): RecordingInfo {
    if (recording.state === 'running') {
      this.#stop({ ...recording, options: {} }, undefined);
    }
    this.#become(recording, 'closed');
    this.#recordings.delete(recording.id);
    this.#release(recording.chunks);
    recording.chunks = [];
    this.#settle();
    return this.#info(recording);
  }

  #dump(
    recording: Recording,
    path: string,
    begin: number | undefined,
    end: number | undefined,
  ): RecordingInfo {
    if (recording.state === 'new' || recording.state === 'delayed') throw wrong(recording, 'dump');
    if (recording.state === 'running') this.#rotate();
    const from = begin === undefined ? 0n : BigInt(Math.round(begin)) * 1_000_000n;
    const to = end === undefined ? undefined : BigInt(Math.round(end)) * 1_000_000n;
    const chunks = recording.chunks.filter(
      (chunk) => chunk.endNanos >= from && (to === undefined || chunk.startNanos <= to),
    );
    this.#write(chunks, path);
    return this.#info(recording);
  }

  #clone(recording: Recording, stop: boolean): Recording {
    if (recording.state === 'running') this.#rotate();
    const clone = this.#create({
      ...recording.options,
      destination: undefined,
      name: `Clone of ${recording.options.name ?? recording.id}`,
    });
    clone.startTime = recording.startTime;
    clone.stopTime = recording.stopTime ?? (stop ? Date.now() : undefined);
    clone.chunks = [...recording.chunks];
    for (const chunk of clone.chunks) chunk.references++;
    if (recording.state !== 'running' || stop) {
      if (recording.startTime !== undefined) this.#become(clone, 'stopped');
    } else {
      this.#become(clone, 'running');
    }
    return clone;
  }

  /** A stopped recording of everything there is. */
  #snapshot(): Recording {
    if (this.#running().length > 0) this.#rotate();
    const chunks = new Set(this.#all().flatMap((recording) => recording.chunks));
    const snapshot = this.#create({ name: 'Snapshot' });
    snapshot.chunks = [...chunks].sort((a, b) => (a.startNanos < b.startNanos ? -1 : 1));
    for (const chunk of snapshot.chunks) chunk.references++;
    const first = snapshot.chunks[0];
    const last = snapshot.chunks.at(-1);
    if (first && last) {
      snapshot.startTime = Number(first.startNanos / 1_000_000n);
      snapshot.stopTime = Number(last.endNanos / 1_000_000n);
      this.#become(snapshot, 'stopped');
    }
    return snapshot;
  }

  /** The process ends: whatever runs is completed, and written where it was asked for. */
  #exit(): undefined {
    this.#types.applySettings(mergeSettings([]));
    const running = this.#running();
    this.#rotate(() => {
      for (const recording of running) {
        this.#become(recording, 'stopped');
        recording.stopTime = Date.now();
      }
    }, true);
    for (const recording of running) {
      const { destination, dumpOnExit } = recording.options;
      if (destination !== undefined) this.#write(recording.chunks, destination);
      else if (dumpOnExit) this.#write(recording.chunks, exitName(recording));
    }
    for (const recording of this.#all()) {
      this.#recordings.delete(recording.id);
      this.#release(recording.chunks);
    }
    this.#chunks.removeDirectory();
    return undefined;
  }

  /**
   * Ends the chunk, in which every recording that runs now has a share; makes a change of what runs or
   * how; begins the next chunk if anything runs then.
   */
  #rotate(change?: () => void, final = false): void {
    const running = this.#running();
    const chunk = this.#attempt(() => this.#chunks.end(final));
    change?.();
    if (change !== undefined) this.#settle();
    if (this.#running().length > 0) this.#attempt(() => this.#chunks.begin());
    if (chunk === undefined) return;
    for (const recording of running) {
      recording.chunks.push(chunk);
      chunk.references++;
    }
    for (const recording of running) this.#trim(recording);
    if (chunk.references === 0) this.#chunks.remove(chunk);
  }

  #attempt<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  /** Writes chunks to a file; says so when some of them are gone. */
  #write(chunks: readonly Chunk[], path: string): void {
    const present = chunks.filter((chunk) => existsSync(chunk.path));
    const missing = chunks.length - present.length;
    if (missing > 0) {
      const message = `${missing} of ${chunks.length} chunks for ${path} are missing`;
      this.#options.tell({ notice: 'trouble', message });
    }
    concatenate(present, path);
  }

  /** Drops chunks beyond the recording's age and size. */
  #trim(recording: Recording): void {
    const { maxAge, maxSize } = recording.options;
    const oldest = maxAge ? BigInt(Date.now() - maxAge) * 1_000_000n : 0n;
    let size = recording.chunks.reduce((sum, chunk) => sum + chunk.bytes, 0);
    const dropped: Chunk[] = [];
    while (recording.chunks.length > 0) {
      const chunk = recording.chunks[0]!;
      if (chunk.endNanos >= oldest && (!maxSize || size <= maxSize)) break;
      dropped.push(chunk);
      recording.chunks.shift();
      size -= chunk.bytes;
    }
    this.#release(dropped);
  }

  #release(chunks: readonly Chunk[]): void {
    for (const chunk of chunks) if (--chunk.references === 0) this.#chunks.remove(chunk);
  }

  /** Makes the settings of what runs now those of the process. */
  #settle(): void {
    const running = this.#running();
    const memory = running.length > 0 && running.every(({ options }) => options.disk === false);
    Atomics.store(this.#arena.words, WORD.toDisk, memory ? 0 : 1);
    this.#settings = mergeSettings(running.map(({ options }) => options.settings ?? {}));
    this.#types.applySettings(this.#settings);
  }

  #become(recording: Recording, state: RecordingState): void {
    recording.state = state;
    this.#options.tell({ notice: 'state', id: recording.id, state });
  }

  #beginChunk(): void {
    for (const recording of this.#running()) this.#announceRecording(recording);
    this.#announceSettings();
    this.#periodic.atChunk('beginChunk');
  }

  #announceRecording(recording: Recording): void {
    const { options, startTime } = recording;
    this.#chunks.emit(
      ActiveRecording,
      now(),
      recording.id,
      options.name ?? String(recording.id),
      options.destination ?? null,
      options.disk !== false,
      options.maxAge ?? NONE,
      this.#flushInterval(),
      options.maxSize ?? NONE,
      startTime ?? 0,
      options.duration ?? NONE,
    );
  }

  /** One ActiveSetting for each setting of each event type: JMC's rules ask for them in every chunk. */
  #announceSettings(): void {
    this.#announcedTypes = 0;
    this.#announceTypes();
  }

  #announceTypes(): void {
    this.#types.refresh();
    const time = now();
    const types = [...this.#types.registry.events];
    for (const type of types.slice(this.#announcedTypes, MAX_TYPES)) {
      for (const { name } of type.settings) {
        const value = effectiveSetting(this.#settings, type, name);
        if (value !== undefined) this.#chunks.emit(ActiveSetting, time, type.id, name, value);
      }
    }
    this.#announcedTypes = types.length;
  }

  #threadCounts(): { accumulated: number; peak: number } {
    this.#peakThreads = Math.max(this.#peakThreads, this.#drain.threads().length);
    return { accumulated: this.#arena.words[WORD.threadKey]!, peak: this.#peakThreads };
  }

  #typeInfos(): EventTypeInfo[] {
    this.#types.refresh();
    return [...this.#types.registry.events].map(({ id, name, declaration, settings }) => ({
      id,
      name,
      label: declaration.label,
      description: declaration.description ?? '',
      category: declaration.category,
      settings: settings.map((setting) => ({ ...setting })),
    }));
  }

  #flushInterval(): number {
    const intervals = this.#running().map(({ options }) => options.flushInterval ?? DEFAULT_FLUSH);
    return Math.max(1, Math.min(DEFAULT_FLUSH, ...intervals));
  }

  #all(): Recording[] {
    return [...this.#recordings.values()];
  }

  #running(): Recording[] {
    return this.#all().filter(({ state }) => state === 'running');
  }

  #find(id: number): Recording {
    const found = this.#recordings.get(id);
    if (found === undefined) {
      throw new RecorderError('RECORDER_WRONG_STATE', `there is no recording ${id}`, {
        hint: 'it may have been closed',
      });
    }
    return found;
  }

  #info(recording: Recording): RecordingInfo {
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
}

/** Event types the recorder thread writes itself. */
const SELF = [ActiveRecording, ActiveSetting, DataLoss] as const;

/** How the JDK writes "no limit" in ActiveRecording. */
const NONE = -(2n ** 63n);

function wrong(recording: Recording, what: string, hint?: string): RecorderError {
  return new RecorderError(
    'RECORDER_WRONG_STATE',
    `cannot ${what} recording ${recording.id}: it is ${recording.state}`,
    hint === undefined ? {} : { hint },
  );
}

function exitName(recording: Recording): string {
  const time = new Date().toISOString().slice(0, 19).replace(/[-:T]/g, '_');
  return `rekindle-pid-${process.pid}-id-${recording.id}-${time}.jfr`;
}
