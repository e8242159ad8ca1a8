// SPDX-License-Identifier: Apache-2.0
// The way from an event declaration to a committed event. `commit` is compiled for each event type: the
// test whether the type is enabled, the threshold, the constants, the encoder. In steady state it
// allocates nothing and calls nothing that could come back into the recorder.
import {
  compileEncoder,
  type EncodeEvent,
  type EventDeclaration,
  type EventType,
  eventBound,
} from '@rekindle/jfr';
import { type Arena, ENABLED, STACK_TRACE } from './arena.ts';
import { now, type Ticks } from './clock.ts';
import type { ThreadConstants } from './constants.ts';
import { captureFrames, type Frame } from './frames.ts';
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

/** What compiled code reads; replaced as a whole never, field by field once. */
interface Bound {
  id: number;
  flags: Int32Array;
  thresholds: Float64Array;
  type: EventType | undefined;
  encode: EncodeEvent;
  writer: ThreadWriter | undefined;
  constants: ThreadConstants | undefined;
  throttle: Throttles | undefined;
  stackDepth: number;
  /** Frames from this function inwards are the recorder's own. */
  below: ((...args: never[]) => unknown) | undefined;
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
    };
    this.commit = compileCommit(declaration, this.#bound);
  }

  /** Whether some recording wants events of this type. Costs one memory read. */
  get enabled(): boolean {
    return (this.#bound.flags[this.#bound.id]! & ENABLED) !== 0;
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
    const value = values[name];
    if (typeof type === 'object' && 'struct' in type) {
      collect(type.fields, (value ?? {}) as Record<string, unknown>, into);
    } else {
      into.push(value);
    }
  }
}

type Constant = 'string' | 'class' | 'stackTrace' | undefined;

/** Fields as `commit` takes them, inline structs unfolded: which pool their values may go to. */
function constantFields(fields: EventDeclaration['fields']): Constant[] {
  return fields.flatMap(({ type }): Constant[] => {
    if (typeof type === 'object')
      return 'struct' in type ? constantFields(type.fields) : [undefined];
    if (type === 'java.lang.String') return ['string'];
    if (type === 'java.lang.Class') return ['class'];
    return [type === 'jdk.types.StackTrace' ? 'stackTrace' : undefined];
  });
}

function isThrottled(declaration: EventDeclaration): boolean {
  return declaration.settings?.throttle !== undefined;
}

/** The key of a constant that is given as its value; anything else as it is. */
function toKey(constants: ThreadConstants, kind: Constant, value: unknown): unknown {
  if (typeof value === 'string') {
    if (kind === 'class') return constants.class(value);
    const pooled = kind === 'string' && value.length > 16 && value.length < 128;
    return pooled ? constants.string(value) : value;
  }
  return kind === 'stackTrace' && Array.isArray(value) ? constants.stackTrace(value) : value;
}

/** What the generated code may call. */
const RUNTIME = { eventBound, captureFrames, ENABLED, STACK_TRACE };
type Build = (bound: Bound, ...runtime: unknown[]) => (...args: unknown[]) => boolean;

function compileCommit(
  declaration: EventDeclaration,
  bound: Bound,
): (...args: unknown[]) => boolean {
  try {
    const build = new Function(
      'bound',
      ...Object.keys(RUNTIME),
      commitSource(declaration),
    ) as Build;
    return build(bound, ...Object.values(RUNTIME));
  } catch (error) {
    // --disallow-code-generation-from-strings
    if (error instanceof EvalError) return interpretCommit(declaration, bound);
    throw error;
  }
}

/** The body of a function that returns `commit`. */
export function commitSource(declaration: EventDeclaration): string {
  const kinds = constantFields(declaration.fields);
  const names = kinds.map((_, index) => `v${index}`);
  const parameters = ['start', ...(declaration.duration ? ['duration'] : []), ...names];
  const values = [
    'start',
    ...(declaration.duration ? ['duration'] : []),
    ...(declaration.thread ? ['writer.key'] : []),
    ...(declaration.stackTrace ? ['stack'] : []),
    ...names,
  ].join(', ');
  const throttled = isThrottled(declaration);
  const constants = names.flatMap((name, index) => keyStatement(name, kinds[index]));
  return `"use strict";
return function commit(${parameters.join(', ')}) {
  const wanted = bound.flags[bound.id];
  if ((wanted & ENABLED) === 0) return false;
  ${declaration.duration ? 'if (duration < bound.thresholds[bound.id]) return false;' : ''}
  ${throttled ? 'if (!bound.throttle.take(bound.id, start)) return false;' : ''}
  const writer = bound.writer;
  ${declaration.stackTrace ? 'const frames = (wanted & STACK_TRACE) === 0 ? undefined : captureFrames(bound.stackDepth, bound.below ?? commit);' : ''}
  let at = writer.begin();
  if (at < 0) return false;
  try {
    ${declaration.stackTrace ? 'const stack = frames === undefined ? 0 : bound.constants.stackTrace(frames);' : ''}
    ${constants.join('\n    ')}
    let end = bound.encode(writer.target, at, writer.limit, ${values});
    if (end < 0) {
      at = writer.makeRoom(eventBound(bound.type, [${values}]));
      if (at < 0) return false;
      end = bound.encode(writer.target, at, writer.limit, ${values});
    }
    writer.end(end);
    return true;
  } catch (error) {
    writer.abandon();
    throw error;
  }
};`;
}

function keyStatement(name: string, kind: Constant): string[] {
  switch (kind) {
    case 'string':
      return [
        `if (typeof ${name} === 'string' && ${name}.length > 16 && ${name}.length < 128) ${name} = bound.constants.string(${name});`,
      ];
    case 'class':
      return [`if (typeof ${name} === 'string') ${name} = bound.constants.class(${name});`];
    case 'stackTrace':
      return [
        `if (typeof ${name} === 'object' && ${name} !== null) ${name} = bound.constants.stackTrace(${name});`,
      ];
    case undefined:
      return [];
  }
}

/** The same without code generation. */
function interpretCommit(
  declaration: EventDeclaration,
  bound: Bound,
): (...args: unknown[]) => boolean {
  const kinds = constantFields(declaration.fields);
  const first = declaration.duration ? 2 : 1;
  return function commit(...args: unknown[]): boolean {
    const wanted = bound.flags[bound.id]!;
    const { writer, constants, type } = bound;
    if ((wanted & ENABLED) === 0 || !writer || !constants || !type) return false;
    if (declaration.duration && (args[1] as number) < bound.thresholds[bound.id]!) return false;
    const throttled = isThrottled(declaration);
    if (throttled && !bound.throttle?.take(bound.id, args[0] as number)) return false;
    let frames: readonly Frame[] | undefined;
    if (declaration.stackTrace && (wanted & STACK_TRACE) !== 0) {
      frames = captureFrames(bound.stackDepth, bound.below ?? commit);
    }
    let at = writer.begin();
    if (at < 0) return false;
    try {
      const values: unknown[] = args.slice(0, first);
      if (declaration.thread) values.push(writer.key);
      if (declaration.stackTrace) values.push(frames ? constants.stackTrace(frames) : 0);
      values.push(...kinds.map((kind, index) => toKey(constants, kind, args[first + index])));
      let end = bound.encode(writer.target, at, writer.limit, ...values);
      if (end < 0) {
        at = writer.makeRoom(eventBound(type, values as never));
        if (at < 0) return false;
        end = bound.encode(writer.target, at, writer.limit, ...values);
      }
      writer.end(end);
      return true;
    } catch (error) {
      writer.abandon();
      throw error;
    }
  };
}
