// SPDX-License-Identifier: Apache-2.0
// Which constants some events need: those they refer to, and those that these refer to.
import { ByteCursor } from '@rekindle/bytes';
import type { Chunk } from '../chunk.ts';
import { JfrError } from '../error.ts';
import { type Layouts, type Op, valueOp } from '../plan.ts';
import { payload } from '../sink.ts';
import { MAX_ARRAY_NESTING, skipValue } from '../skip.ts';
import { STRING_POOLED } from '../string-encoding.ts';
import type { ClassType } from '../type-model.ts';
import type { OpenedCheckpoint } from './checkpoint.ts';

type Key = number | bigint;

/** Constants by class and key. */
export class UsedConstants {
  readonly #chunk: Chunk;
  readonly #layouts: Layouts;
  readonly #string: ClassType | undefined;
  readonly #used: Map<ClassType, Set<Key>> = new Map();
  readonly #open: [ClassType, Key][] = [];
  /** Offsets of the values: HotSpot writes some twice, and the second may refer to other symbols. */
  readonly #values: Map<ClassType, Map<Key, number[]>> = new Map();

  constructor(chunk: Chunk, checkpoints: readonly OpenedCheckpoint[]) {
    this.#chunk = chunk;
    this.#layouts = chunk.metadata.layouts;
    this.#string = chunk.types.byName('java.lang.String');
    for (const { type, entries } of checkpoints.flatMap(({ pools }) => pools)) {
      let keys = this.#values.get(type);
      if (keys === undefined) {
        keys = new Map();
        this.#values.set(type, keys);
      }
      for (const { key, start } of entries) {
        const known = keys.get(key);
        if (known === undefined) keys.set(key, [start]);
        else known.push(start);
      }
    }
  }

  has(type: ClassType, key: Key): boolean {
    return this.#used.get(type)?.has(key) === true;
  }

  /** Marks what the event of a type at an offset refers to. */
  addEvent(type: ClassType, offset: number): void {
    const cursor = payload(this.#chunk.bytes, offset);
    for (const op of this.#layouts.of(type).ops) this.#visit(op, cursor, 0);
    for (let next = this.#open.pop(); next !== undefined; next = this.#open.pop()) {
      const [used, key] = next;
      for (const start of this.#values.get(used)?.get(key) ?? []) {
        this.#visit(valueOp(used), new ByteCursor(this.#chunk.bytes, start), 0);
      }
    }
  }

  #mark(type: ClassType, key: Key): void {
    let keys = this.#used.get(type);
    if (keys === undefined) {
      keys = new Set();
      this.#used.set(type, keys);
    }
    if (keys.has(key)) return;
    keys.add(key);
    this.#open.push([type, key]);
  }

  #visit(op: Op, cursor: ByteCursor, depth: number): void {
    switch (op.kind) {
      case 'reference':
        this.#mark(op.type, cursor.long());
        return;
      case 'string':
        if (cursor.bytes[cursor.position] === STRING_POOLED && this.#string !== undefined) {
          cursor.skip(1);
          this.#mark(this.#string, cursor.long());
        } else skipValue(op, this.#layouts, cursor);
        return;
      case 'struct':
        for (const part of this.#layouts.of(op.type).ops) this.#visit(part, cursor, depth);
        return;
      case 'array': {
        if (depth > MAX_ARRAY_NESTING) {
          throw new JfrError('JFR_BAD_METADATA', 'arrays nested too deeply');
        }
        const count = cursor.varint();
        cursor.require(count);
        for (let index = 0; index < count; index++) this.#visit(op.element, cursor, depth + 1);
        return;
      }
      default:
        skipValue(op, this.#layouts, cursor);
    }
  }
}
