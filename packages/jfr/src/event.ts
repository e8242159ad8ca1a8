// SPDX-License-Identifier: Apache-2.0
import type { Chunk } from './chunk.ts';
import type { ClassType } from './type-model.ts';
import { isStruct, type Struct, type Value, valueAt } from './value.ts';

/** One event. Nothing is decoded until a field is asked for; then the event's fields are, once. */
export class JfrEvent {
  readonly chunk: Chunk;
  #type: ClassType;
  #offset: number;
  #fields: Struct | undefined;

  constructor(chunk: Chunk, type: ClassType, offset: number) {
    this.chunk = chunk;
    this.#type = type;
    this.#offset = offset;
  }

  get type(): ClassType {
    return this.#type;
  }

  /** Of the event in the chunk's bytes. */
  get offset(): number {
    return this.#offset;
  }

  /** Has the object stand for another event of its chunk: for readers that keep none. */
  moveTo(type: ClassType, offset: number): void {
    this.#type = type;
    this.#offset = offset;
    this.#fields = undefined;
  }

  /** Event type name, for example `jdk.ExecutionSample`. */
  get name(): string {
    return this.type.name;
  }

  /** The fields, a getter each; references are followed when asked for. Ticks are absolute. */
  get fields(): Struct {
    this.#fields ??= this.chunk.readFields(this.type, this.offset);
    return this.#fields;
  }

  /** The value at a field or a dotted path (`eventThread.javaName`); null where it leads through null. */
  get(path: string): Value {
    return valueAt(this.fields, path);
  }

  has(field: string): boolean {
    return this.type.fields.some(({ name }) => name === field);
  }

  /** Nanoseconds since 1970; the chunk's start for a type without startTime. */
  get startNanos(): bigint {
    const ticks = this.#ticks('startTime');
    return ticks === undefined ? this.chunk.header.startNanos : this.chunk.epochNanos(ticks);
  }

  /** Nanoseconds; 0 for a type without duration. */
  get durationNanos(): bigint {
    const ticks = this.#ticks('duration');
    return ticks === undefined ? 0n : this.chunk.spanNanos(ticks);
  }

  get endNanos(): bigint {
    return this.startNanos + this.durationNanos;
  }

  #ticks(field: string): number | bigint | undefined {
    const value = this.has(field) ? this.fields[field] : undefined;
    // a broken or odd type may declare it as anything
    return typeof value === 'bigint' || Number.isInteger(value)
      ? (value as number | bigint)
      : undefined;
  }

  /** `eventThread`, or `sampledThread` of a sample. */
  get thread(): Struct | null {
    for (const name of THREAD_FIELDS) {
      const thread = this.has(name) ? this.fields[name] : undefined;
      if (isStruct(thread)) return thread;
    }
    return null;
  }

  get stackTrace(): Struct | null {
    const trace = this.has('stackTrace') ? this.fields.stackTrace : undefined;
    return isStruct(trace) ? trace : null;
  }
}

/** The fields that say whose event it is. */
export const THREAD_FIELDS = ['eventThread', 'sampledThread'] as const;
