// SPDX-License-Identifier: Apache-2.0
// `jfr print`: every event of a recording as text, JSON or XML, in the JDK's order. JSON and XML are
// sorted by end time within each chunk; text passes through a window of a million events, so that a
// recording of any size is printed in bounded memory.
import { type ByteCursor, ByteError } from '@rekindle/bytes';
import type { Chunk } from '../chunk.ts';
import { JfrError } from '../error.ts';
import { payload } from '../sink.ts';
import type { ClassType } from '../type-model.ts';
import { AsciiBuffer, ascii } from './ascii-buffer.ts';
import { ChunkClock } from './chunk-clock.ts';
import type { EventTypeFilter } from './event-filter.ts';
import { EventQueue } from './event-queue.ts';
import { JSON_BEGIN, JSON_END, JSON_SEPARATOR, JsonRenderer } from './json.ts';
import { endOf, inEndOrder, type LocatedEvent, locateEvents } from './locate-events.ts';
import type { PrintableChunk } from './printable-chunk.ts';
import { isContextual, TextRenderer } from './text.ts';
import { ThreadContexts } from './thread-contexts.ts';
import { wellFormed } from './well-formed.ts';
import { XML_BEGIN, XML_END, XmlRenderer } from './xml.ts';

export interface PrintOptions {
  readonly format: 'text' | 'json' | 'xml';
  /** Frames of a stack trace; the JDK's default is 5. */
  readonly stackDepth?: number;
  /** Text only: numbers and times in full precision. */
  readonly exact?: boolean;
  readonly filter?: EventTypeFilter;
  /** Told of an event that cannot be decoded, which is then left out; without it, the error is thrown. */
  readonly onDamage?: (error: JfrError) => void;
}

/**
 * Takes the output in pieces of some size, UTF-8. A returned promise is waited for; the bytes change
 * after that.
 */
export type Write = (piece: Uint8Array) => void | Promise<void>;

/** Bytes worth a write. */
const PIECE = 1 << 20;
/** Characters worth encoding. */
const TEXT_PIECE = 1 << 16;
/** Events that text output may hold back to bring them in order; the JDK's number. */
const WINDOW = 1_000_000;

/** Prints the events of chunks, which must come in file order. */
export async function printEvents(
  chunks: AsyncIterable<Chunk> | Iterable<Chunk>,
  options: PrintOptions,
  write: Write,
): Promise<void> {
  if (options.format === 'text') return printText(chunks, options, new Pieces(write));
  const json = options.format === 'json';
  const out = new AsciiBuffer(PIECE + (PIECE >> 2));
  out.text(json ? JSON_BEGIN : XML_BEGIN);
  const depth = options.stackDepth ?? 5;
  const separator = ascii(json ? JSON_SEPARATOR : '');
  let first: Chunk | undefined;
  let any = false;
  for await (const chunk of chunks) {
    first ??= chunk;
    const printable = printableOf(chunk, first);
    const renderer = json ? new JsonRenderer(printable, depth) : new XmlRenderer(printable, depth);
    const located = locateEvents(chunk, options.filter);
    const { types, kinds, offsets } = inEndOrder(located, chunk, printable.clock);
    const renders: ((cursor: ByteCursor, out: AsciiBuffer) => void)[] = [];
    for (let index = 0; index < offsets.length; index++) {
      const kind = kinds[index]!;
      const offset = offsets[index]!;
      const start = out.at;
      const whole = guard(chunk, types[kind]!, offset, options, () => {
        if (any) out.copy(separator);
        renders[kind] ??= renderer.event(types[kind]!);
        renders[kind](payload(chunk.bytes, offset), out);
        return true;
      });
      if (whole) any = true;
      else out.at = start;
      if (out.at >= PIECE) {
        await write(out.bytes.subarray(0, out.at));
        out.at = 0;
      }
    }
  }
  out.text(json ? JSON_END : XML_END);
  await write(out.bytes.subarray(0, out.at));
}

/** One end (or, for a contextual event, also the start) of an event that waits for its turn. */
interface Waiting extends LocatedEvent {
  readonly chunk: Chunk;
  readonly renderer: TextRenderer;
  readonly role: 'print' | 'enter' | 'leave';
}

async function printText(
  chunks: AsyncIterable<Chunk> | Iterable<Chunk>,
  options: PrintOptions,
  out: Pieces,
): Promise<void> {
  const queue = new EventQueue<Waiting>();
  const contexts = new ThreadContexts();
  let first: Chunk | undefined;
  const show = async (): Promise<void> => {
    const { chunk, type, offset, renderer, role } = queue.poll()!;
    const event = { type, offset };
    if (role !== 'print') {
      contexts.mark(chunk, event, role, () =>
        renderer.contextLines(type, payload(chunk.bytes, offset)),
      );
      return;
    }
    const around = contexts.around(chunk, event);
    const text = guard(chunk, type, offset, options, () =>
      renderer.event(type, payload(chunk.bytes, offset), around),
    );
    if (text !== undefined) await out.add(text);
  };
  for await (const chunk of chunks) {
    first ??= chunk;
    const printable = printableOf(chunk, first);
    const { clock } = printable;
    // Twice the nanoseconds, so that an end (odd) comes behind a contextual start (even) of that moment.
    const base = Number(clock.startNanos - first.header.startNanos);
    const renderer = new TextRenderer(printable, options.stackDepth ?? 5, options.exact ?? false);
    const { types, kinds, offsets } = locateEvents(chunk);
    for (const [index, offset] of offsets.entries()) {
      const type = types[kinds[index]!]!;
      const { start, end } = endOf(chunk, type, offset, clock);
      const waiting = { type, offset, chunk, renderer };
      const last = 2 * (base + end) + 1;
      if (contexts.isContextual(type, isContextual)) {
        queue.offer(2 * (base + start), { ...waiting, role: 'enter' });
        queue.offer(last, { ...waiting, role: 'leave' });
      }
      if (!options.filter || options.filter(type)) {
        queue.offer(last, { ...waiting, role: 'print' });
      }
      while (queue.size > WINDOW) await show();
    }
  }
  while (queue.size > 0) await show();
  await out.flush();
}

function printableOf(chunk: Chunk, first: Chunk): PrintableChunk {
  const { layouts } = chunk.metadata;
  return {
    bytes: chunk.bytes,
    layouts,
    clock: clockOf(chunk, first),
    pool: (type: ClassType) => chunk.poolOf(type),
    stringPool: () => chunk.pool('java.lang.String'),
  };
}

const SECOND = 1_000_000_000n;

/**
 * The JDK shows all of a file by the clock of its first chunk (ChunkParser hands its TimeConverter on).
 * Within one process that moves events by microseconds, and we do the same to show the same. Chunks whose
 * ticks have another origin or another rate keep their own clock, where the JDK would show a wrong date.
 */
function clockOf(chunk: Chunk, first: Chunk): ChunkClock {
  const own = new ChunkClock(chunk.header, chunk.types.region);
  if (chunk.header.ticksPerSecond !== first.header.ticksPerSecond) return own;
  const shared = new ChunkClock(first.header, first.types.region);
  const difference = shared.epochNanos(chunk.header.startTicks) - chunk.header.startNanos;
  return difference < SECOND && difference > -SECOND ? shared : own;
}

/** Runs a decoder; where the bytes do not fit, the event is told of and left out, or the error thrown. */
function guard<T>(
  chunk: Chunk,
  type: ClassType,
  offset: number,
  options: PrintOptions,
  decode: () => T,
): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof ByteError || error instanceof JfrError)) throw error;
    const place = { chunk: chunk.index, offset: chunk.offset + offset };
    const damage = new JfrError('JFR_EVENT_OVERRUN', `${type.name}: ${error.message}`, place);
    if (!options.onDamage) throw damage;
    options.onDamage(damage);
    return undefined;
  }
}

/** Gathers text into pieces worth a write. */
class Pieces {
  readonly #write: Write;
  readonly #encoder = new TextEncoder();
  #text = '';

  constructor(write: Write) {
    this.#write = write;
  }

  add(text: string): void | Promise<void> {
    this.#text += text;
    if (this.#text.length >= TEXT_PIECE) return this.flush();
  }

  flush(): void | Promise<void> {
    const text = this.#text;
    this.#text = '';
    return this.#write(this.#encoder.encode(wellFormed(text)));
  }
}
