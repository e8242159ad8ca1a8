// SPDX-License-Identifier: Apache-2.0
// The way from an event declaration to a committed event, as an application sees it. What `commit` does is
// in commit-compile.ts.
import { compileEncoder, type EventDeclaration } from '@rekindle/jfr/writing';
import { type Arena, ASYNC_CONTEXT, ENABLED } from './arena.ts';
import { ASYNC_FIELD } from './async-context.ts';
import { now, type Ticks } from './clock.ts';
import { type Bound, compileCommit } from './commit-compile.ts';
import type { ThreadConstants } from './constants.ts';
import type { ThreadWriter } from './thread.ts';
import { Throttles } from './throttle.ts';
import type { SharedTypes } from './types.ts';
import type { CommitArguments, Named } from './values.ts';

/** What a handle needs of the thread it lives in, once the recorder exists. */
export interface ThreadBinding {
  readonly arena: Arena;
  readonly types: SharedTypes;
  readonly writer: ThreadWriter;
  readonly constants: ThreadConstants;
}

const NO_FLAGS = new Int32Array(1);
const NO_THRESHOLDS = new Float64Array(1);

/** An event type of this thread, ready to be committed. {@link eventHandle} makes it. */
export class EventHandle<const D extends EventDeclaration = EventDeclaration> {
  readonly declaration: D;
  /**
   * Commits an event: start in ticks ({@link now}), duration in ticks where the type has one, then the
   * fields in order (of an inline struct its fields). Answers whether the event was recorded: false when
   * the type is disabled, the duration below the threshold, or there was no room. A value that a field
   * cannot hold throws a JfrError; the event is forgotten then.
   */
  readonly commit: (...args: CommitArguments<D>) => boolean;
  readonly #bound: Bound;

  constructor(declaration: D) {
    this.declaration = declaration;
    this.#bound = {
      id: 0,
      flags: NO_FLAGS,
      thresholds: NO_THRESHOLDS,
      type: undefined,
      encode: () => -1,
      writer: undefined,
      constants: undefined,
      throttle: undefined,
      stackDepth: 64,
      below: undefined,
      context: undefined,
    };
    this.commit = compileCommit(declaration, this.#bound);
  }

  /** Whether some recording wants events of this type. Costs one memory read. */
  get enabled(): boolean {
    return (this.#bound.flags[this.#bound.id]! & ENABLED) !== 0;
  }

  /** Whether events of this type are to tell their async context. */
  get tellsAsyncContext(): boolean {
    return (this.#bound.flags[this.#bound.id]! & ASYNC_CONTEXT) !== 0;
  }

  /** Whether an event of this duration would be recorded. */
  shouldCommit(durationTicks: Ticks): boolean {
    return this.enabled && durationTicks >= this.#bound.thresholds[this.#bound.id]!;
  }

  /** Starts the clock for an event in object form. */
  begin(): PendingEvent<D> {
    return new PendingEvent(this, now());
  }

  /** Commits an event in object form that has no duration, or one of 0. */
  emit(values: Named<D['fields']>): boolean {
    return this.enabled && new PendingEvent(this, now()).commit(values, this.emit);
  }

  /** Commits for another function of the recorder, whose frames are not shown. */
  commitBelow(below: (...args: never[]) => unknown, args: readonly unknown[]): boolean {
    this.#bound.below = below;
    try {
      return (this.commit as (...args: unknown[]) => boolean)(...args);
    } finally {
      this.#bound.below = undefined;
    }
  }

  /** Commits for an async context that is not the present one: that in which the event began. */
  commitIn(context: number | undefined, ...args: CommitArguments<D>): boolean {
    this.#bound.context = context;
    try {
      return this.commit(...args);
    } finally {
      this.#bound.context = undefined;
    }
  }

  /** Ties the handle to the recorder of the process. */
  bind(binding: ThreadBinding): void {
    const bound = this.#bound;
    const type = binding.types.register(this.declaration);
    bound.encode = compileEncoder(type);
    bound.type = type;
    bound.writer = binding.writer;
    bound.constants = binding.constants;
    bound.throttle = new Throttles(binding.arena);
    bound.thresholds = binding.arena.thresholds;
    bound.stackDepth = binding.constants.stackDepth;
    bound.id = type.id;
    bound.flags = binding.arena.flags;
  }
}

/** An event that has begun, as in `jdk.jfr`: `begin`, work, `commit`. */
export class PendingEvent<const D extends EventDeclaration = EventDeclaration> {
  readonly startTicks: Ticks;
  readonly #handle: EventHandle<D>;
  #duration = -1;

  constructor(handle: EventHandle<D>, startTicks: Ticks) {
    this.#handle = handle;
    this.startTicks = startTicks;
  }

  /** Stops the clock; `commit` does so where this was not called. */
  end(): void {
    this.#duration = now() - this.startTicks;
  }

  /** Whether it is worth the work to collect the values. */
  shouldCommit(): boolean {
    if (this.#duration < 0) this.end();
    return this.#handle.shouldCommit(this.#duration);
  }

  /** Records the event; false when it was disabled, too short, or found no room. */
  commit(values: Named<D['fields']>, below: (...args: never[]) => unknown = this.commit): boolean {
    if (!this.#handle.enabled) return false;
    const { declaration } = this.#handle;
    if (this.#duration < 0) this.end();
    if (declaration.duration && !this.shouldCommit()) return false;
    // All getters run here, before anything of the recorder is touched.
    const args: unknown[] = declaration.duration
      ? [this.startTicks, this.#duration]
      : [this.startTicks];
    collect(declaration.fields, values as Record<string, unknown>, args);
    return this.#handle.commitBelow(below, args);
  }
}

function collect(
  fields: EventDeclaration['fields'],
  values: Record<string, unknown>,
  into: unknown[],
): void {
  for (const { name, type } of fields) {
    if (name === ASYNC_FIELD) continue;
    const value = values[name];
    if (typeof type === 'object' && 'struct' in type) {
      collect(type.fields, (value ?? {}) as Record<string, unknown>, into);
    } else {
      into.push(value);
    }
  }
}
