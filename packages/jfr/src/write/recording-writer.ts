// SPDX-License-Identifier: Apache-2.0
// A recording written in one go: no live followers, no threads, a buffer and a sink.
import type { EventDeclaration } from '../declaration.ts';
import { JfrError } from '../error.ts';
import { activeSettings } from './active-settings.ts';
import { ChunkWriter, type ChunkWriterOptions } from './chunk-writer.ts';
import { ConstantPools, type ThreadConstant } from './constant-pools.ts';
import { type EncodeEvent, eventBound } from './encoder.ts';
import { compileEncoder } from './encoder-compile.ts';
import type { EventArguments, EventValues } from './event-values.ts';
import type { RecordingSink } from './recording-sink.ts';
import { EventRegistry, type EventType } from './registry.ts';

export interface RecordingWriterOptions extends ChunkWriterOptions {
  readonly declarations?: Iterable<EventDeclaration>;
  /** Wall clock at `startTicks`, nanoseconds since 1970. Default: now. */
  readonly startNanos?: bigint;
  /** Ticks (nanoseconds) at the start; default 0. */
  readonly startTicks?: number | bigint;
  /** A new chunk begins when one has grown beyond this many bytes. Default 64 MiB. */
  readonly maxChunkBytes?: number;
}

/** An event type of a {@link RecordingWriter}, for its `write`. */
export interface EventHandle<Declaration extends EventDeclaration = EventDeclaration> {
  readonly type: EventType<Declaration>;
  readonly encode: EncodeEvent<Declaration>;
}

const BUFFER = 1 << 20;
const MAX_EVENT = 2 ** 28 - 1;

/** Writes events as they come and chunks as they fill. `finish` must be called. */
export class RecordingWriter {
  readonly registry: EventRegistry;
  readonly pools: ConstantPools;
  readonly #sink: RecordingSink;
  readonly #chunks: ChunkWriter;
  readonly #maxChunkBytes: number;
  readonly #startNanos: bigint;
  readonly #startTicks: bigint;
  readonly #handles = new Map<number, EventHandle>();
  #buffer: Uint8Array;
  #used = 0;
  #chunkTicks: bigint;
  /** The latest end of an event: as it was given, or as a number that has not been looked at yet. */
  #lastTicks: bigint;
  #lastNumber = 0;

  constructor(sink: RecordingSink, options: RecordingWriterOptions = {}) {
    this.registry = new EventRegistry(options.declarations);
    this.pools = new ConstantPools(this.registry);
    this.#sink = sink;
    this.#chunks = new ChunkWriter(this.registry, this.pools, options);
    this.#maxChunkBytes = options.maxChunkBytes ?? 64 << 20;
    this.#buffer = new Uint8Array(Math.max(4096, Math.min(BUFFER, this.#maxChunkBytes)));
    this.#startNanos = options.startNanos ?? BigInt(Date.now()) * 1_000_000n;
    this.#startTicks = BigInt(options.startTicks ?? 0);
    this.#chunkTicks = this.#startTicks;
    this.#lastTicks = this.#startTicks;
    this.#begin();
  }

  /** The handle of an event type, which is registered if it is not yet. */
  event<const Declaration extends EventDeclaration>(
    declaration: Declaration,
  ): EventHandle<Declaration> {
    const type = this.registry.register(declaration);
    const known = this.#handles.get(type.id);
    if (known !== undefined) return known as EventHandle<Declaration>;
    const handle: EventHandle<Declaration> = { type, encode: compileEncoder(type) };
    this.#handles.set(type.id, handle as unknown as EventHandle);
    return handle;
  }

  /** Writes one event; values in the order startTime, [duration], [eventThread], [stackTrace], fields. */
  write<Declaration extends EventDeclaration>(
    event: EventHandle<Declaration>,
    ...values: EventArguments<Declaration>
  ): void {
    if (this.#used > 0 && this.#chunks.length + this.#used > this.#maxChunkBytes) this.#drain();
    let end = event.encode(this.#buffer, this.#used, this.#buffer.length, ...values);
    if (end < 0) {
      this.#drain();
      const bound = eventBound(event.type, values);
      if (bound > MAX_EVENT) {
        throw new JfrError(
          'JFR_BAD_VALUE',
          `an event of ${event.type.name} takes up to ${bound} bytes`,
        );
      }
      if (bound > this.#buffer.length) this.#buffer = new Uint8Array(bound);
      end = event.encode(this.#buffer, 0, this.#buffer.length, ...values);
    }
    this.#used = end;
    const start = values[0];
    const duration = event.type.declaration.duration ? (values[1] as number | bigint) : 0;
    if (typeof start === 'number' && typeof duration === 'number') {
      // No bigint for the many; the sum is exact below 2^53, and beyond it only ends the chunk.
      if (start + duration > this.#lastNumber) this.#lastNumber = start + duration;
    } else this.#reach(BigInt(start) + BigInt(duration));
  }

  /** Completes the recording. The sink is the caller's to close. */
  finish(): void {
    this.#drain(false);
    this.#reach(BigInt(this.#lastNumber));
    this.#end(true);
  }

  #reach(ticks: bigint): void {
    if (ticks > this.#lastTicks) this.#lastTicks = ticks;
  }

  #drain(mayRotate = true): void {
    if (this.#used === 0) return;
    this.#chunks.appendEvents(this.#buffer.subarray(0, this.#used));
    this.#used = 0;
    if (mayRotate && this.#chunks.length > this.#maxChunkBytes) this.#rotate();
  }

  #rotate(): void {
    this.#reach(BigInt(this.#lastNumber));
    if (this.#lastTicks <= this.#chunkTicks) this.#lastTicks = this.#chunkTicks + 1n;
    this.#end(false);
    this.#chunkTicks = this.#lastTicks;
    this.#begin();
  }

  /** Settings come last: by now it is known which event types there are. */
  #end(final: boolean): void {
    this.#chunks.appendEvents(activeSettings(this.registry, this.#chunkTicks));
    this.#chunks.finish({ durationNanos: this.#lastTicks - this.#chunkTicks, final });
  }

  #begin(): void {
    const startTicks = this.#chunkTicks;
    const startNanos = this.#startNanos + (startTicks - this.#startTicks);
    this.#chunks.begin(this.#sink, { startNanos, startTicks });
  }
}

/** One event of {@link writeRecording}: its declaration and its values by name. */
export interface RecordedEvent<Declaration extends EventDeclaration = EventDeclaration> {
  readonly event: Declaration;
  /** `startTime`, [`duration`], [`eventThread`], [`stackTrace`] and the fields; absent = null, 0 or false. */
  readonly values: Partial<EventValues<Declaration>>;
}

/** An event for {@link writeRecording}, checked against its declaration by the compiler. */
export function recorded<const Declaration extends EventDeclaration>(
  event: Declaration,
  values: EventValues<Declaration>,
): RecordedEvent {
  return { event, values: values as RecordedEvent['values'] };
}

export interface WriteRecordingInput extends Omit<RecordingWriterOptions, 'declarations'> {
  readonly declarations: Iterable<EventDeclaration>;
  /** Threads that events name in `eventThread`, by their index here plus 1. */
  readonly threads?: Iterable<ThreadConstant>;
  readonly events: Iterable<RecordedEvent>;
}

/** Writes a whole recording onto a sink: one chunk, or several where it is large. */
export function writeRecording(sink: RecordingSink, input: WriteRecordingInput): void {
  const writer = new RecordingWriter(sink, input);
  for (const thread of input.threads ?? []) writer.pools.thread(thread);
  for (const { event, values } of input.events) {
    const handle = writer.event(event);
    writer.write(
      handle,
      ...handle.type.arguments.map(({ name, kind }) => {
        const value = values[name];
        if (value !== undefined) return value;
        return kind === 'string' || kind === 'pool' || kind === 'enumeration' ? null : 0;
      }),
    );
  }
  writer.finish();
}
