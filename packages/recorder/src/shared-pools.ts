// SPDX-License-Identifier: Apache-2.0
// Constant pools of a chunk whose entries come ready-made from the threads (see constants.ts), beside
// those the recorder thread makes itself. Keys of threads begin above the number of slots, those made
// here with 1, so they do not meet.
import { ByteCursor, ByteSink } from '@rekindle/bytes';
import { ConstantPools, type EventRegistry } from '@rekindle/jfr/writing';
import { POOL, POOL_TYPES } from './constants.ts';
import type { ThreadIdentity } from './drain.ts';

const MASK_GENERIC = 0;
const MASK_STATICS = 4;
const MASK_THREADS = 8;
const FRAME_TYPES = ['Interpreted', 'JIT compiled', 'Inlined', 'Native'];
const STRING_UTF8 = 3;
/** The group that holds all threads; JMC shows it beside the thread's name. */
const GROUP_KEY = 1;

interface RawPool {
  readonly type: string;
  readonly bytes: ByteSink;
  count: number;
}

type Emit = (mask: number, poolCount: number, pools: Uint8Array) => void;

export class SharedPools extends ConstantPools {
  readonly #registry: EventRegistry;
  readonly #threads: () => readonly ThreadIdentity[];
  readonly #pools: readonly RawPool[];
  #frameTypes = false;
  #frameTypesWritten = false;
  #written = new Set<number>();
  #unwritten: ThreadIdentity[] = [];

  /** `threads` tells which threads there are: all of them must be named in every chunk. */
  constructor(registry: EventRegistry, threads: () => readonly ThreadIdentity[]) {
    super(registry);
    this.#registry = registry;
    this.#threads = threads;
    this.#pools = POOL_TYPES.map((type) => ({ type, bytes: new ByteSink(1024), count: 0 }));
  }

  /** Takes records of a constants buffer. */
  addRecords(records: Uint8Array): void {
    const cursor = new ByteCursor(records);
    while (cursor.remaining > 0) {
      const length = cursor.varint();
      const pool = this.#pools[cursor.u8()]!;
      pool.bytes.bytes(cursor.take(length - 1));
      pool.count++;
      if (pool === this.#pools[POOL.stackTrace]) this.#frameTypes = true;
    }
  }

  override beginEpoch(): void {
    super.beginEpoch();
    this.#written = new Set();
    this.#frameTypes = false;
    this.#frameTypesWritten = false;
  }

  override get hasPending(): boolean {
    return (
      super.hasPending || this.#pools.some((pool) => pool.count > 0) || this.#findUnwritten() > 0
    );
  }

  override takePending(emit: Emit): void {
    super.takePending(emit);
    if (this.#frameTypes && !this.#frameTypesWritten) this.#emitFrameTypes(emit);
    if (this.#findUnwritten() > 0) this.#emitThreads(emit);
    const sink = new ByteSink(1024);
    let count = 0;
    for (const pool of this.#pools) {
      if (pool.count === 0) continue;
      sink.varint(this.#registry.idOf(pool.type));
      sink.varint(pool.count);
      sink.bytes(pool.bytes.view());
      pool.bytes.clear();
      pool.count = 0;
      count++;
    }
    if (count > 0) emit(MASK_GENERIC, count, sink.view());
  }

  #findUnwritten(): number {
    this.#unwritten = this.#threads().filter(({ key }) => !this.#written.has(key));
    return this.#unwritten.length;
  }

  #emitFrameTypes(emit: Emit): void {
    const sink = new ByteSink(128);
    sink.varint(this.#registry.idOf('jdk.types.FrameType'));
    sink.varint(FRAME_TYPES.length);
    for (const [key, text] of FRAME_TYPES.entries()) {
      sink.varint(key);
      putText(sink, text);
    }
    emit(MASK_STATICS, 1, sink.view());
    this.#frameTypesWritten = true;
  }

  #emitThreads(emit: Emit): void {
    const sink = new ByteSink(1024);
    const withGroup = this.#written.size === 0;
    if (withGroup) {
      sink.varint(this.#registry.idOf('jdk.types.ThreadGroup'));
      sink.varint(1);
      sink.varint(GROUP_KEY);
      sink.varint(0);
      putText(sink, 'main');
    }
    sink.varint(this.#registry.idOf('java.lang.Thread'));
    sink.varint(this.#unwritten.length);
    for (const thread of this.#unwritten) {
      sink.varint(thread.key);
      putText(sink, thread.name);
      sink.varint(thread.osThread);
      putText(sink, thread.name);
      // 0 is the main thread here and "no Java thread" there
      sink.varint(thread.jsThread + 1);
      sink.varint(GROUP_KEY);
      sink.u8(0);
      this.#written.add(thread.key);
    }
    emit(MASK_THREADS, withGroup ? 2 : 1, sink.view());
  }
}

function putText(sink: ByteSink, text: string): void {
  sink.u8(STRING_UTF8);
  sink.utf8(text);
}
