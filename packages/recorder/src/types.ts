// SPDX-License-Identifier: Apache-2.0
// Event types of the process. Threads share no objects, only a list of declarations in the arena, in
// order of registration; every thread replays it into a registry of its own, and since ids follow that
// order, all threads agree about them. Registering takes a lock; it happens once per event type.
import { existsSync } from 'node:fs';
import { type EventDeclaration, EventRegistry, type EventType } from '@rekindle/jfr/writing';
import {
  type Arena,
  ASYNC_CONTEXT,
  DECLARATION_BYTES,
  ENABLED,
  MAX_TYPES,
  STACK_TRACE,
  WORD,
} from './arena.ts';
import { ASYNC_SETTING, withAsyncSetting } from './async-context.ts';
import { RecorderError } from './error.ts';
import type { EventTypeInfo } from './protocol.ts';
import { effectiveSetting, type MergedSettings, NOTHING_RECORDED, perSecond } from './settings.ts';
import { parseTimespan } from './timespan.ts';
import { wait } from './wait.ts';

const SETTINGS_HEAD = 4;

/** The event types of the process as one thread knows them. */
export class SharedTypes {
  readonly registry: EventRegistry = new EventRegistry();
  readonly #arena: Arena;
  readonly #osThread: number;
  #seen = 0;
  #seenBytes = 0;

  constructor(arena: Arena, osThread: number) {
    this.#arena = arena;
    this.#osThread = osThread;
  }

  /** Number of declarations in the arena; more than were seen: time to {@link refresh}. */
  get behind(): boolean {
    return Atomics.load(this.#arena.words, WORD.declarations) > this.#seen;
  }

  /** Takes in what other threads have registered. */
  refresh(): void {
    if (this.behind) this.#locked(() => this.#replay());
  }

  /** Registers an event type for all threads, or finds it. */
  register(given: EventDeclaration): EventType {
    const declaration = withAsyncSetting(given);
    const known = this.registry.event(declaration.name);
    if (known !== undefined) return this.registry.register(declaration);
    return this.#locked(() => {
      this.#replay();
      if (this.registry.event(declaration.name) === undefined) this.#append(declaration);
      const type = this.registry.register(declaration);
      this.#apply(type, this.#readSettings());
      return type;
    });
  }

  /** Makes merged settings those of the process, and of all types registered later. */
  applySettings(settings: MergedSettings): void {
    this.#locked(() => {
      this.#replay();
      this.#writeSettings(settings);
      for (const type of this.registry.events) this.#apply(type, settings);
    });
    Atomics.add(this.#arena.words, WORD.settings, 1);
  }

  /** Settings in force, as all threads see them. */
  currentSettings(): MergedSettings {
    return this.#locked(() => this.#readSettings());
  }

  /** All of them as others are told about them. */
  infos(): EventTypeInfo[] {
    this.refresh();
    return [...this.registry.events].map(({ id, name, declaration, settings }) => ({
      id,
      name,
      label: declaration.label,
      description: declaration.description ?? '',
      category: declaration.category,
      settings: settings.map((setting) => ({ ...setting })),
    }));
  }

  #apply(type: EventType, settings: MergedSettings): void {
    const setting = (name: string): string | undefined => effectiveSetting(settings, type, name);
    const enabled = settings.recording && setting('enabled') === 'true';
    const stackTrace = type.declaration.stackTrace === true && setting('stackTrace') !== 'false';
    const asyncContext = setting(ASYNC_SETTING) === 'true';
    const threshold = parseTimespan(setting('threshold') ?? '0 ns') ?? 0;
    this.#arena.thresholds[type.id] = threshold;
    this.#arena.rates[type.id] = perSecond(setting('throttle') ?? 'off');
    Atomics.store(
      this.#arena.flags,
      type.id,
      (enabled ? ENABLED : 0) | (stackTrace ? STACK_TRACE : 0) | (asyncContext ? ASYNC_CONTEXT : 0),
    );
  }

  #append(declaration: EventDeclaration): void {
    const words = this.#arena.words;
    const used = words[WORD.declarationBytes]!;
    const text = new TextEncoder().encode(`${JSON.stringify(declaration)}\n`);
    const limit = DECLARATION_BYTES / 2;
    if (used + text.length > limit || words[WORD.declarations]! >= MAX_TYPES - 4) {
      throw new RecorderError(
        'RECORDER_TOO_MANY_TYPES',
        `no room for event type ${declaration.name} after ${words[WORD.declarations]} others`,
      );
    }
    this.#arena.bytes.set(text, this.#arena.declarationsAt + used);
    words[WORD.declarationBytes] = used + text.length;
    Atomics.add(words, WORD.declarations, 1);
    this.#replay();
    this.#arena.wake();
  }

  #replay(): void {
    const words = this.#arena.words;
    const end = words[WORD.declarationBytes]!;
    if (end === this.#seenBytes) return;
    const at = this.#arena.declarationsAt;
    const bytes = this.#arena.bytes.slice(at + this.#seenBytes, at + end);
    for (const line of new TextDecoder().decode(bytes).split('\n')) {
      if (line === '') continue;
      this.registry.register(JSON.parse(line) as EventDeclaration);
      this.#seen++;
    }
    this.#seenBytes = end;
  }

  // Merged settings live in the second half of the room for declarations: length, then JSON.
  #writeSettings(settings: MergedSettings): void {
    const text = new TextEncoder().encode(JSON.stringify(settings));
    const at = this.#arena.declarationsAt + DECLARATION_BYTES / 2;
    if (text.length + SETTINGS_HEAD > DECLARATION_BYTES / 2) {
      throw new RecorderError('RECORDER_BAD_OPTION', `settings of ${text.length} bytes do not fit`);
    }
    this.#arena.words[at / 4] = text.length;
    this.#arena.bytes.set(text, at + SETTINGS_HEAD);
  }

  #readSettings(): MergedSettings {
    const at = this.#arena.declarationsAt + DECLARATION_BYTES / 2;
    const length = this.#arena.words[at / 4]!;
    if (length === 0) return NOTHING_RECORDED;
    const bytes = this.#arena.bytes.slice(at + SETTINGS_HEAD, at + SETTINGS_HEAD + length);
    return JSON.parse(new TextDecoder().decode(bytes)) as MergedSettings;
  }

  #locked<T>(work: () => T): T {
    const words = this.#arena.words;
    for (;;) {
      const holder = Atomics.compareExchange(words, WORD.registryLock, 0, this.#osThread);
      if (holder === 0) break;
      const outcome = wait(words, WORD.registryLock, holder, 50);
      // A worker may be terminated at any point, also here.
      if (outcome === 'timed-out' && !existsSync(`/proc/self/task/${holder}`)) {
        Atomics.compareExchange(words, WORD.registryLock, holder, 0);
      }
    }
    try {
      return work();
    } finally {
      Atomics.store(words, WORD.registryLock, 0);
      Atomics.notify(words, WORD.registryLock, 1);
    }
  }
}
