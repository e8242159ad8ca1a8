// SPDX-License-Identifier: Apache-2.0
// The constant pools of one chunk, filled from all its checkpoints when one is first needed.
import { ByteCursor, ByteError } from '@rekindle/bytes';
import type { Arena } from './arena.ts';
import { JfrError } from './error.ts';
import { held } from './held.ts';
import { indexCheckpoint, type PoolListener } from './index-checkpoint.ts';
import type { Layouts } from './plan.ts';
import { Pool } from './pool.ts';
import { ScanMemory } from './scan-wasm.ts';
import type { ClassType } from './type-model.ts';
import { type Pools, type Value, ValueReader } from './value.ts';

/** A simple type (a symbol) may stand for a pooled string, which is text: a chain of two. */
const MAX_CHAIN = 32;

export class ChunkPools implements Pools {
  readonly values: ValueReader;
  readonly #bytes: Uint8Array;
  readonly #layouts: Layouts;
  readonly #checkpoints: () => readonly number[];
  readonly #broken: (offset: number, error: JfrError) => void;
  readonly #arena: Arena | undefined;
  readonly #pools: Map<ClassType, Pool> = new Map();
  #indexed = false;
  /** Constants being read because another one stands for them. */
  #depth = 0;

  /**
   * `checkpoints` gives the offsets of the checkpoints in file order; `broken` hears of one that could
   * not be read (and may throw).
   */
  constructor(
    bytes: Uint8Array,
    layouts: Layouts,
    checkpoints: () => readonly number[],
    broken: (offset: number, error: JfrError) => void,
    arena?: Arena,
  ) {
    this.#bytes = bytes;
    this.#layouts = layouts;
    this.#checkpoints = checkpoints;
    this.#broken = broken;
    this.#arena = arena;
    this.values = new ValueReader(layouts, this);
  }

  pool(type: ClassType): Pool {
    this.#index();
    return this.#open(type);
  }

  stringPool(): Pool | undefined {
    const type = this.#layouts.types.byName('java.lang.String');
    return type === undefined ? undefined : this.pool(type);
  }

  /** Every pool that has entries. */
  all(): Pool[] {
    this.#index();
    return [...this.#pools.values()].filter((pool) => pool.length > 0);
  }

  #open(type: ClassType): Pool {
    let pool = this.#pools.get(type);
    if (pool === undefined) {
      pool = new Pool(type, (offset) => this.#read(type, offset), this.#arena);
      this.#pools.set(type, pool);
    }
    return pool;
  }

  #index(): void {
    if (this.#indexed) return;
    this.#indexed = true;
    const listener: PoolListener = {
      expect: (type, count) => this.#open(type).expect(count),
      add: (type, key, position) => this.#open(type).add(key, position),
      addAll: (type, entries, shift) => this.#open(type).addAll(entries, shift),
    };
    const memory = ScanMemory.take();
    try {
      for (const offset of this.#checkpoints()) this.#indexOne(offset, listener, memory);
    } finally {
      memory?.release();
    }
  }

  #indexOne(offset: number, listener: PoolListener, memory: ScanMemory | undefined): void {
    try {
      indexCheckpoint(this.#bytes, offset, this.#layouts, listener, memory);
    } catch (error) {
      if (!(error instanceof JfrError)) throw error;
      this.#broken(offset, error);
    }
  }

  #read(type: ClassType, offset: number): Value {
    if (this.#depth >= MAX_CHAIN) {
      const reason = `constants of ${type.name} stand for each other without end`;
      this.#broken(offset, new JfrError('JFR_BAD_CHECKPOINT', reason, { offset }));
      return null;
    }
    const bytes = held(this.#bytes);
    this.#depth++;
    try {
      return this.values.readClass(type, new ByteCursor(bytes, offset));
    } catch (error) {
      // the value was stepped over when it was indexed: only its content can be wrong
      if (error instanceof ByteError) {
        this.#broken(offset, new JfrError('JFR_BAD_CHECKPOINT', error.message, { offset }));
        return null;
      }
      if (error instanceof JfrError) {
        this.#broken(offset, error);
        return null;
      }
      throw error;
    } finally {
      this.#depth--;
    }
  }
}
