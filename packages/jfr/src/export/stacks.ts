// SPDX-License-Identifier: Apache-2.0
// The stack traces of one event type, each distinct one once: what flame graphs and profiles are made of.
import type { Column, Columns } from '../column.ts';
import { JfrError } from '../error.ts';
import { THREAD_FIELDS } from '../event.ts';
import type { Recording } from '../recording.ts';
import { isStruct, type Struct, type Value } from '../value.ts';
import { constantText, framesOf, methodName, threadName } from './constant-text.ts';
import { eventsWithStacks, resolveEventName } from './event-name.ts';

export interface StackOptions {
  /** Event type, qualified or simple. */
  readonly event: string;
  /** A numeric field to sum (`duration`, `weight`); every event counts 1 when left out. */
  readonly weight?: string | undefined;
  /** Fields whose values stand for frames, from the root on, instead of the stack trace. */
  readonly by?: readonly string[] | undefined;
}

export interface ProfileFrame {
  /** `java.util.HashMap.put`. */
  readonly name: string;
  /** Source line; null where it is not known. */
  readonly line: number | null;
  /** `JIT compiled`, `Interpreted`, `Inlined`, `Native` and whatever the recorder calls it; '' unknown. */
  readonly kind: string;
}

export interface ProfileThread {
  readonly name: string;
  /** Of the operating system; 0 where it is not known. */
  readonly id: number;
}

/** Samples of one event type. `stack`, `thread`, `nanos` and `weight` have one entry per event. */
export interface StackProfile {
  /** Qualified name. */
  readonly event: string;
  /** What `weight` counts: `samples`, or the field. */
  readonly weightName: string;
  /** `count`, `nanoseconds`, `bytes`, or `` where the field does not say. */
  readonly unit: string;
  /** Nanoseconds since 1970. */
  readonly startNanos: bigint;
  readonly durationNanos: bigint;
  readonly frames: readonly ProfileFrame[];
  /** Indices into `frames`, the root first. */
  readonly stacks: readonly (readonly number[])[];
  readonly threads: readonly ProfileThread[];
  readonly stack: Int32Array;
  readonly thread: Int32Array;
  /** Since `startNanos`. */
  readonly nanos: Float64Array;
  readonly weight: Float64Array;
}

/** The root of the traces that the recorder has cut. */
const TRUNCATED = '[truncated]';
/** Where an event has no stack trace. */
const NO_STACK = '[no stack trace]';

/**
 * Gathers the stacks of all events of a type. Throws JFR_UNKNOWN_NAME for a type, a field or a stack
 * trace that is not there.
 */
export async function collectStacks(
  recording: Recording,
  options: StackOptions,
): Promise<StackProfile> {
  const event = await resolveEventName(recording, options.event);
  const columns = await recording.columns(event);
  if (columns.length === 0) throw await without(recording, `no ${event} events`);
  const { weight: weightField } = options;
  const table = new StackTable();
  const stack =
    options.by === undefined
      ? await stacksOfTraces(recording, columns, table)
      : stacksOfFields(columns, options.by, table);
  const { threads, thread } = threadsOf(columns);
  return {
    event,
    weightName: weightField ?? 'samples',
    unit: weightField === undefined ? 'count' : unitOf(columns.get(weightField)),
    startNanos: recording.startNanos,
    durationNanos: recording.durationNanos,
    frames: table.frames,
    stacks: table.stacks,
    threads,
    stack,
    thread,
    nanos: startsOf(columns),
    weight:
      weightField === undefined
        ? new Float64Array(columns.length).fill(1)
        : roundedNumbers(columns, weightField),
  };
}

async function without(recording: Recording, what: string): Promise<JfrError> {
  const others = (await eventsWithStacks(recording)).slice(0, 8);
  return new JfrError(
    'JFR_UNKNOWN_NAME',
    `${what} in this recording`,
    {},
    others.length === 0
      ? 'no event of it has a stack trace; name fields to stack up instead (--by FIELD,FIELD)'
      : `it has stack traces of ${others.map(({ name, count }) => `${name} (${count})`).join(', ')}`,
  );
}

/** Frames and stacks, each once. */
class StackTable {
  readonly frames: ProfileFrame[] = [];
  readonly stacks: (readonly number[])[] = [];
  readonly #frames: Map<string, number> = new Map();
  readonly #stacks: Map<string, number> = new Map();

  frame(name: string, line: number | null, kind: string): number {
    const key = `${line} ${kind} ${name}`;
    let index = this.#frames.get(key);
    if (index === undefined) {
      index = this.frames.push({ name, line, kind }) - 1;
      this.#frames.set(key, index);
    }
    return index;
  }

  stack(frames: readonly number[]): number {
    const key = frames.join(' ');
    let index = this.#stacks.get(key);
    if (index === undefined) {
      index = this.stacks.push(frames) - 1;
      this.#stacks.set(key, index);
    }
    return index;
  }
}

async function stacksOfTraces(
  recording: Recording,
  columns: Columns,
  table: StackTable,
): Promise<Int32Array> {
  const column = columns.has('stackTrace') ? columns.get('stackTrace') : undefined;
  if (column?.kind !== 'reference') {
    throw await without(recording, `${columns.eventName} has no stack traces`);
  }
  const names = new Map<Value, string>();
  const nameOf = (method: Value): string => {
    let name = names.get(method);
    if (name === undefined) {
      name = isStruct(method) ? methodName(method) : '?';
      names.set(method, name);
    }
    return name;
  };
  const frameOf = (frame: Struct): number => {
    const line = typeof frame.lineNumber === 'number' ? frame.lineNumber : -1;
    const kind = typeof frame.type === 'string' ? frame.type : '';
    return table.frame(nameOf(frame.method ?? null), line > 0 ? line : null, kind);
  };
  const known = new Int32Array(column.pool.length).fill(-1);
  let none = -1;
  return column.indices.map((index) => {
    if (index < 0) {
      if (none < 0) none = table.stack([table.frame(NO_STACK, null, '')]);
      return none;
    }
    if (known[index]! < 0) {
      const trace = column.pool.get(index);
      const frames = framesOf(trace).map(frameOf).reverse();
      if (isStruct(trace) && trace.truncated === true) {
        frames.unshift(table.frame(TRUNCATED, null, ''));
      }
      if (frames.length === 0) frames.push(table.frame(NO_STACK, null, ''));
      known[index] = table.stack(frames);
    }
    return known[index]!;
  });
}

function stacksOfFields(columns: Columns, names: readonly string[], table: StackTable): Int32Array {
  const fields = names.map((name) => columns.get(name));
  const stack = new Int32Array(columns.length);
  for (let row = 0; row < stack.length; row++) {
    stack[row] = table.stack(
      fields.map((field) => table.frame(frameOfValue(field.name, field.get(row)), null, '')),
    );
  }
  return stack;
}

/** A text stands for itself; a number and a truth say nothing without the name of their field. */
function frameOfValue(name: string, value: Value): string {
  const text = constantText(value) ?? 'null';
  if (text === '') return `no ${name}`;
  return ['boolean', 'number', 'bigint'].includes(typeof value) ? `${name}: ${text}` : text;
}

function threadsOf(columns: Columns): {
  readonly threads: readonly ProfileThread[];
  readonly thread: Int32Array;
} {
  const threads: ProfileThread[] = [];
  const thread = new Int32Array(columns.length);
  const name = THREAD_FIELDS.find((field) => columns.has(field));
  const column = name === undefined ? undefined : columns.get(name);
  const known = new Map<string, number>();
  const indexOf = (value: Value): number => {
    const id = isStruct(value) ? Number(value.osThreadId ?? 0) : 0;
    const text = isStruct(value) ? threadName(value) : '';
    const key = `${id} ${text}`;
    let index = known.get(key);
    if (index === undefined) {
      index = threads.push({ name: text, id }) - 1;
      known.set(key, index);
    }
    return index;
  };
  const byPool = new Map<number, number>();
  for (let row = 0; row < thread.length; row++) {
    if (column?.kind !== 'reference') {
      thread[row] = indexOf(null);
      continue;
    }
    const entry = column.indices[row]!;
    let index = byPool.get(entry);
    if (index === undefined) {
      index = indexOf(column.pool.get(entry));
      byPool.set(entry, index);
    }
    thread[row] = index;
  }
  return { threads, thread };
}

function unitOf({ field }: Column): string {
  if (field.timespan !== undefined) {
    return field.timespan === 'TICKS' ? 'nanoseconds' : field.timespan.toLowerCase();
  }
  return field.dataAmount?.toLowerCase() ?? '';
}

/** A numeric column, rounded where a value lies beyond 2^53: good for pictures and sums. */
export function roundedNumbers(columns: Columns, name: string): Float64Array {
  const column = columns.get(name);
  if (!('values' in column)) {
    throw new JfrError('JFR_UNKNOWN_NAME', `${name} of ${columns.eventName} is no number`);
  }
  const { values } = column;
  return Float64Array.from({ length: values.length }, (_, row) => Number(values[row]));
}

/** The same; undefined where there is no such column, or (in a damaged file) no numbers in it. */
export function numbersIfAny(columns: Columns, name: string): Float64Array | undefined {
  return columns.has(name) && 'values' in columns.get(name)
    ? roundedNumbers(columns, name)
    : undefined;
}

/** When events began; those of a type that does not say began with the recording. */
export function startsOf(columns: Columns): Float64Array {
  return numbersIfAny(columns, 'startTime') ?? new Float64Array(columns.length);
}

/** The summed weight of each stack, in the order of `stacks`. */
export function weightsOfStacks({ stacks, stack, weight }: StackProfile): Float64Array {
  const sums = new Float64Array(stacks.length);
  for (let row = 0; row < stack.length; row++) {
    const index = stack[row]!;
    sums[index] = sums[index]! + weight[row]!;
  }
  return sums;
}
