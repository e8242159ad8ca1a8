// SPDX-License-Identifier: Apache-2.0
// The memory that all threads of a process share with the recorder thread: one SharedArrayBuffer, cut
// once. Pages nobody touched cost nothing, so the room for threads is generous.
//
//   control words          256 × i32                 epoch, wake, counters (WORD below)
//   type flags             MAX_TYPES × i32           enabled, stack trace, per event type
//   type thresholds        MAX_TYPES × f64           ticks
//   type rates             MAX_TYPES × f64           events a second; infinite: not throttled
//   type throttles         MAX_TYPES × 8 × i32       (THROTTLE below)
//   slot words             slots × 32 × i32          one slot per JavaScript thread (SLOT below)
//   slot names             slots × 128 bytes         UTF-8
//   global buffer words    globals × 16 × i32        (GLOBAL below)
//   declarations           1 MiB                     event types in order of registration, JSON lines
//   thread buffers         slots × 4 × threadBytes   events and constants, each for both epochs
//   global buffers         globals × globalBytes
//
// Positions kept in words are relative to the start of their buffer.
import { RecorderError } from './error.ts';

export interface ArenaShape {
  /** Most JavaScript threads at one time. */
  readonly slots: number;
  /** Bytes of one thread buffer. */
  readonly threadBytes: number;
  readonly globals: number;
  /** Bytes of one global buffer. */
  readonly globalBytes: number;
}

export const MAX_TYPES = 1024;
export const SLOT_WORDS = 32;
export const NAME_BYTES = 128;
export const GLOBAL_WORDS = 16;
export const DECLARATION_BYTES: number = 1 << 20;

/** Control words, as indexes of i32. */
export const WORD = {
  magic: 0,
  slots: 1,
  threadBytes: 2,
  globals: 3,
  globalBytes: 4,
  /** Rises by one at each chunk rotation; its lowest bit chooses the pair of thread buffers. */
  epoch: 8,
  /** Rises when the recorder thread has something to do. */
  wake: 9,
  /** Rises with every answer of the recorder thread. */
  reply: 10,
  /** 1: full buffers go to disk; 0: they stay in memory and the oldest gives way. */
  toDisk: 11,
  /** Key of the youngest thread; thread keys are never used twice. */
  threadKey: 12,
  /** Order in which global buffers became full. */
  sequence: 13,
  /** Global buffers lent out whole, for large events. */
  leases: 14,
  /** Bytes lost by threads that found no slot. */
  lost: 15,
  /** 0: free; else OS thread id of the holder. */
  registryLock: 16,
  declarations: 17,
  declarationBytes: 18,
  stackDepth: 19,
  /** 1: the recorder thread is up and takes requests. */
  alive: 20,
  /** Rises when merged settings changed. */
  settings: 21,
  /** Bytes on their way to the recorder thread in buffers made for the moment. */
  transient: 22,
  /** Slots given up and not yet free. */
  dead: 23,
  /** Threads that look for a slot and find none. */
  seeking: 24,
  /** Rises by 2 when threads are to hand over what their sources have; lowest bit: the sources may end. */
  handOver: 25,
} as const;

/** Words of a slot. Pairs `x`, `x + 1` belong to even and odd epochs. */
export const SLOT = {
  state: 0,
  osThread: 1,
  key: 2,
  jsThread: 3,
  /** Bytes that found no room since the start. */
  lost: 4,
  nameBytes: 5,
  /** Counts the constants of the slot, for keys that differ in the whole process. */
  constants: 6,
  /** Committed bytes of the event buffer × 2, plus 1 while an event is being written. */
  events: 8,
  eventsFlushed: 10,
  /** Committed bytes of the constants buffer × 2 (lowest bit unused). */
  pool: 12,
  poolFlushed: 14,
  /** 1: the thread has sources that gather before they commit. */
  gathers: 16,
  /** The value of WORD.handOver that the thread has done. */
  handedOver: 17,
} as const;

export const SLOT_FREE = 0;
/** Taken, its words not yet filled in. */
export const SLOT_CLAIMED = 1;
export const SLOT_LIVE = 2;
/** Its thread is gone; the recorder thread takes what is left and frees it. */
export const SLOT_DEAD = 3;

/** In a `flushed` word: somebody is moving the bytes of this buffer. */
export const EXCLUSIVE = -1;

export const GLOBAL = {
  /** 0: nobody; slot + 1: a thread; RECORDER: the recorder thread. */
  identity: 0,
  state: 1,
  epoch: 2,
  kind: 3,
  position: 4,
  sequence: 5,
  /** 1: lent out for one large event. */
  leased: 6,
} as const;

export const GLOBAL_FREE = 0;
export const GLOBAL_LIVE = 1;
export const GLOBAL_FULL = 2;
export const RECORDER_IDENTITY = 0x7fffffff;

export const KIND_EVENTS = 0;
export const KIND_CONSTANTS = 1;
export type Kind = typeof KIND_EVENTS | typeof KIND_CONSTANTS;

/** Words of a type's throttle. */
export const THROTTLE_WORDS = 8;
export const THROTTLE = { window: 0, offered: 1, average: 2, every: 3, credit: 4 } as const;

/** Type flags. */
export const ENABLED = 1;
export const STACK_TRACE = 2;
export const ASYNC_CONTEXT = 4;

const MAGIC = 0x4a464c52;

/** Views of the shared memory, with the offsets of its parts. */
export class Arena {
  readonly buffer: SharedArrayBuffer;
  readonly shape: ArenaShape;
  /** All of it as i32. */
  readonly words: Int32Array<SharedArrayBuffer>;
  /** All of it as bytes. */
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  readonly flags: Int32Array<SharedArrayBuffer>;
  readonly thresholds: Float64Array<SharedArrayBuffer>;
  readonly rates: Float64Array<SharedArrayBuffer>;
  readonly throttles: Int32Array<SharedArrayBuffer>;
  readonly declarationsAt: number;
  readonly #slotsAt: number;
  readonly #namesAt: number;
  readonly #globalsAt: number;
  readonly #threadsAt: number;
  readonly #globalBytesAt: number;

  /** Opens what {@link createArena} made, in any thread. */
  constructor(buffer: SharedArrayBuffer) {
    const words = new Int32Array(buffer);
    if (words[WORD.magic] !== MAGIC) {
      throw new RecorderError('RECORDER_BAD_ARENA', 'this is not the memory of a recorder');
    }
    this.buffer = buffer;
    this.words = words;
    this.bytes = new Uint8Array(buffer);
    this.shape = {
      slots: words[WORD.slots]!,
      threadBytes: words[WORD.threadBytes]!,
      globals: words[WORD.globals]!,
      globalBytes: words[WORD.globalBytes]!,
    };
    const cut = cutting(this.shape);
    this.flags = new Int32Array(buffer, cut.flags, MAX_TYPES);
    this.thresholds = new Float64Array(buffer, cut.thresholds, MAX_TYPES);
    this.rates = new Float64Array(buffer, cut.rates, MAX_TYPES);
    this.throttles = new Int32Array(buffer, cut.throttles, MAX_TYPES * THROTTLE_WORDS);
    this.#slotsAt = cut.slots / 4;
    this.#namesAt = cut.names;
    this.#globalsAt = cut.globals / 4;
    this.declarationsAt = cut.declarations;
    this.#threadsAt = cut.threads;
    this.#globalBytesAt = cut.globalBytes;
  }

  /** Index of the first word of a slot. */
  slot(slot: number): number {
    return this.#slotsAt + slot * SLOT_WORDS;
  }

  /** Byte offset of the name of a slot's thread. */
  name(slot: number): number {
    return this.#namesAt + slot * NAME_BYTES;
  }

  /** Byte offset of one of the four buffers of a slot. */
  threadBuffer(slot: number, kind: Kind, parity: number): number {
    return this.#threadsAt + (slot * 4 + kind * 2 + parity) * this.shape.threadBytes;
  }

  /** Index of the first word of a global buffer. */
  global(index: number): number {
    return this.#globalsAt + index * GLOBAL_WORDS;
  }

  /** Byte offset of the bytes of a global buffer. */
  globalBuffer(index: number): number {
    return this.#globalBytesAt + index * this.shape.globalBytes;
  }

  /** Tells the recorder thread that there is something to do. */
  wake(): void {
    Atomics.add(this.words, WORD.wake, 1);
    Atomics.notify(this.words, WORD.wake);
  }
}

export function createArena(shape: ArenaShape): Arena {
  const buffer = new SharedArrayBuffer(cutting(shape).end);
  const words = new Int32Array(buffer);
  words[WORD.slots] = shape.slots;
  words[WORD.threadBytes] = shape.threadBytes;
  words[WORD.globals] = shape.globals;
  words[WORD.globalBytes] = shape.globalBytes;
  words[WORD.toDisk] = 1;
  words[WORD.magic] = MAGIC;
  return new Arena(buffer);
}

interface Cutting {
  readonly flags: number;
  readonly thresholds: number;
  readonly rates: number;
  readonly throttles: number;
  readonly slots: number;
  readonly names: number;
  readonly globals: number;
  readonly declarations: number;
  readonly threads: number;
  readonly globalBytes: number;
  readonly end: number;
}

/** Byte offsets of the parts. */
function cutting(shape: ArenaShape): Cutting {
  const flags = 1024;
  const thresholds = flags + MAX_TYPES * 4;
  const rates = thresholds + MAX_TYPES * 8;
  const throttles = rates + MAX_TYPES * 8;
  const slots = throttles + MAX_TYPES * THROTTLE_WORDS * 4;
  const names = slots + shape.slots * SLOT_WORDS * 4;
  const globals = names + shape.slots * NAME_BYTES;
  const declarations = globals + shape.globals * GLOBAL_WORDS * 4;
  const threads = declarations + DECLARATION_BYTES;
  const globalBytes = threads + shape.slots * 4 * shape.threadBytes;
  return {
    flags,
    thresholds,
    rates,
    throttles,
    slots,
    names,
    globals,
    declarations,
    threads,
    globalBytes,
    end: globalBytes + shape.globals * shape.globalBytes,
  };
}
