// SPDX-License-Identifier: Apache-2.0
// Turns the sources of a thread on and off as the merged settings ask. Costs nothing until then.
import { isMainThread } from 'node:worker_threads';
import type { EventDeclaration } from '@rekindle/jfr/writing';
import { SLOT, WORD } from './arena.ts';
import { onBell } from './bell.ts';
import { reason } from './file-sink.ts';
import { beforeEnd, eventHandle, threadBinding } from './flight-recorder.ts';
import type { ThreadBinding } from './handle.ts';
import { effectiveSetting, type MergedSettings } from './settings.ts';
import { allocationProfile } from './sources/allocations.ts';
import { eventLoopDelay, eventLoopUtilization, promises, resources } from './sources/event-loop.ts';
import { exceptions } from './sources/exceptions.ts';
import { files } from './sources/files.ts';
import { garbageCollection, heapSpaces } from './sources/garbage-collection.ts';
import { httpClient, httpServer } from './sources/http.ts';
import { dnsLookups, moduleLoads } from './sources/names.ts';
import { cpuProfile } from './sources/profiler.ts';
import { sockets } from './sources/sockets.ts';
import { every, periodMillis, type Source, type SourceContext } from './sources/source.ts';
import { locks, parking, threadDump, threadLife } from './sources/threads.ts';

const SOURCES: readonly Source[] = [
  threadLife,
  garbageCollection,
  heapSpaces,
  cpuProfile,
  allocationProfile,
  exceptions,
  eventLoopDelay,
  eventLoopUtilization,
  promises,
  resources,
  httpServer,
  httpClient,
  files,
  sockets,
  dnsLookups,
  moduleLoads,
  parking,
  locks,
  threadDump,
];

/** Milliseconds until what was ended before its recording is begun anew where it is wanted still. */
const RESUME = 250;

interface Running {
  /** The settings it was begun with. */
  readonly identity: string;
  readonly stop: () => void;
  readonly handOver?: (() => void) | undefined;
}

class VmEvents {
  readonly #binding: ThreadBinding;
  readonly #running = new Map<Source, Running>();
  #version = -1;

  readonly #sources: Source[] = [];

  constructor(binding: ThreadBinding) {
    this.#binding = binding;
    for (const source of SOURCES) this.add(source);
    Atomics.store(this.#words, this.#slot + SLOT.handedOver, this.#asked);
    onBell(() => {
      // in this order: what ends here is not begun anew before the recorder thread has gone on
      this.refresh();
      this.answer();
    });
    beforeEnd(() => this.settle());
  }

  add(source: Source): void {
    this.#sources.push(source);
    // Types are known before they are enabled, so that metadata and settings list them.
    for (const event of source.events) this.#binding.types.register(event);
    this.#version = -1;
  }

  remove(source: Source): void {
    this.#running.get(source)?.stop();
    this.#running.delete(source);
    this.#sources.splice(this.#sources.indexOf(source), 1);
  }

  /** Starts, restarts and stops sources where settings have changed. */
  refresh(): void {
    const version = Atomics.load(this.#binding.arena.words, WORD.settings);
    if (version === this.#version) return;
    this.#version = version;
    const settings = this.#binding.types.currentSettings();
    for (const source of this.#sources) this.#adjust(source, settings);
    this.#tellGathering();
  }

  /** Hands over what the recorder thread has asked for. */
  answer(): void {
    const asked = this.#asked;
    if (asked === Atomics.load(this.#words, this.#slot + SLOT.handedOver)) return;
    if (asked & 1) this.settle();
    else this.handOver();
    Atomics.store(this.#words, this.#slot + SLOT.handedOver, asked);
    this.#binding.arena.wake();
  }

  /** Has what gathers commit, and go on. */
  handOver(): void {
    for (const { handOver } of this.#running.values()) handOver?.();
  }

  /** Ends what gathers, as it will not be wanted any more; begun anew at the next look, or soon, if it is. */
  settle(): void {
    for (const [source, { stop, handOver }] of [...this.#running]) {
      if (handOver === undefined) continue;
      stop();
      this.#running.delete(source);
    }
    this.#tellGathering();
    this.#version = -1;
    // the request that this was done for may be refused
    setTimeout(() => this.refresh(), RESUME).unref();
  }

  get #words(): Int32Array<SharedArrayBuffer> {
    return this.#binding.arena.words;
  }

  get #slot(): number {
    return this.#binding.arena.slot(this.#binding.writer.slot);
  }

  get #asked(): number {
    return Atomics.load(this.#words, WORD.handOver);
  }

  #tellGathering(): void {
    const gathers = [...this.#running.values()].some(({ handOver }) => handOver !== undefined);
    Atomics.store(this.#words, this.#slot + SLOT.gathers, gathers ? 1 : 0);
  }

  #adjust(source: Source, settings: MergedSettings): void {
    const setting = (declaration: EventDeclaration, name: string): string | undefined =>
      effectiveSetting(settings, this.#binding.types.register(declaration), name);
    const wanted =
      settings.recording && source.events.some((event) => setting(event, 'enabled') === 'true');
    const identity = wanted
      ? source.events.map((event) => setting(event, 'period')).join(' ')
      : undefined;
    const running = this.#running.get(source);
    if (running?.identity === identity) return;
    running?.stop();
    this.#running.delete(source);
    if (identity === undefined || source.unavailable?.() !== undefined) return;
    const context: SourceContext = {
      mainThread: isMainThread,
      threadKey: this.#binding.writer.key,
      handle: eventHandle,
      setting,
    };
    try {
      const started = source.start(context);
      const running = typeof started === 'function' ? { stop: started } : started;
      this.#running.set(source, { identity, ...running });
    } catch (error) {
      // frozen built-ins, an inspector that is taken: less is recorded, and nothing breaks
      process.emitWarning(`the flight recorder goes without "${source.name}": ${reason(error)}`);
    }
  }
}

let events: VmEvents | undefined;
/** Asked for, maybe before there was a recorder. */
let wanted = false;

/**
 * Lets this thread record what Node.js and V8 do in it: garbage collections, samples, files, sockets,
 * requests. Takes effect for recordings whose settings enable such events (`configuration: 'default'`).
 */
export function enableVmEvents(): void {
  wanted = true;
  const binding = threadBinding();
  if (binding === undefined) return;
  events ??= new VmEvents(binding);
  events.refresh();
}

/**
 * Calls `hook` in the period that settings give an event type (`app.Stock#period`: `10 s`; the default
 * of the declaration, else 1 s) while it is enabled; the hook commits it. Answers the function that
 * ends this.
 */
export function addPeriodicEvent(declaration: EventDeclaration, hook: () => void): () => void {
  enableVmEvents();
  const known = events;
  if (known === undefined) return () => {};
  const source: Source = {
    name: declaration.name,
    events: [declaration],
    cost: "the application's",
    start: (context) => every(periodMillis(context, declaration, 1000), hook),
  };
  known.add(source);
  known.refresh();
  return () => known.remove(source);
}

/** Has this thread look at the settings now. */
export function refreshVmEvents(): void {
  if (events === undefined && wanted) enableVmEvents();
  else events?.refresh();
}

/** Has sources that gather commit what they have; they end, until the next look at the settings. */
export function settleVmEvents(): void {
  events?.settle();
}

/** Has sources that gather commit what they have, and go on. */
export function handOverVmEvents(): void {
  events?.handOver();
}

export interface SourceDescription {
  readonly name: string;
  readonly events: readonly string[];
  /** Measured cost, in words. */
  readonly cost: string;
  /** Why it cannot run on this Node.js. */
  readonly unavailable?: string | undefined;
}

/** Which sources there are, what they cost, and why one cannot run here. */
export function describeSources(): SourceDescription[] {
  return SOURCES.map((source) => ({
    name: source.name,
    events: source.events.map(({ name }) => name),
    cost: source.cost,
    unavailable: source.unavailable?.(),
  }));
}
