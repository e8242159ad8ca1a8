// SPDX-License-Identifier: Apache-2.0
// Steps through a checkpoint for where its constants are: by WebAssembly where they are many, one by one
// where they are few, odd, or not whole.
import { ByteCursor, ByteError } from '@rekindle/bytes';
import { JfrError } from './error.ts';
import { type Layouts, type Op, valueOp } from './plan.ts';
import { readCheckpointHead } from './pool.ts';
import { poolProgram } from './pool-program.ts';
import { INDEX_ROOM, type Indexed, type ScanMemory } from './scan-wasm.ts';
import { skipValue } from './skip.ts';
import type { ClassType } from './type-model.ts';

/** Hears of entries of a class: one, or several in a row. Offsets are within the chunk's bytes. */
export interface PoolListener {
  /** So many entries of a class are said to come. */
  expect(type: ClassType, count: number): void;
  add(type: ClassType, key: number | bigint, position: number): void;
  /** `shift` is to be added to the offsets; the arrays change after the call. */
  addAll(type: ClassType, entries: Indexed, shift: number): void;
}

/** So few are not worth the preparation. */
const FEW = 16;
/** Checkpoints of more bytes are stepped through without their copy. */
const MOST_BYTES: number = 32 << 20;

const programs: WeakMap<Layouts, Map<ClassType, Uint8Array | undefined>> = new WeakMap();

/**
 * Steps through the checkpoint at `offset` and tells of every entry. Throws JFR_BAD_CHECKPOINT
 * (offset relative to the bytes) when its content does not end where it should; entries told until
 * then are good.
 */
export function indexCheckpoint(
  bytes: Uint8Array,
  offset: number,
  layouts: Layouts,
  listener: PoolListener,
  memory: ScanMemory | undefined,
): void {
  let position = offset;
  try {
    const head = readCheckpointHead(bytes, offset);
    const end = offset + head.size;
    const cursor = new ByteCursor(bytes, head.body, end);
    const copy =
      head.size > MOST_BYTES ? undefined : memory && new Copy(memory, bytes, offset, end);
    for (let pools = 0; pools < head.poolCount; pools++) {
      position = cursor.position;
      const typeId = cursor.varint();
      const type = layouts.types.byId(typeId);
      if (type === undefined) {
        throw new JfrError('JFR_BAD_CHECKPOINT', `pool of class ${typeId}, not declared`, {
          offset: position,
        });
      }
      const op = valueOp(type);
      let left = cursor.varint();
      listener.expect(type, Math.min(left, cursor.remaining)); // each takes a byte at least
      const program = left < FEW ? undefined : programOf(type, op, layouts);
      while (left > 0) {
        if (copy !== undefined && program !== undefined) {
          const entries = copy.index(program, cursor.position, left);
          listener.addAll(type, entries, copy.shift);
          left -= entries.keys.length;
          cursor.seek(entries.next + copy.shift);
          if (left === 0 || entries.keys.length > 0) continue;
        }
        position = cursor.position;
        const key = cursor.long();
        const start = cursor.position;
        skipValue(op, layouts, cursor);
        listener.add(type, key, start);
        left--;
      }
    }
    if (cursor.remaining !== 0) {
      throw new JfrError('JFR_BAD_CHECKPOINT', `${cursor.remaining} bytes after the last pool`, {
        offset: cursor.position,
      });
    }
  } catch (error) {
    if (error instanceof ByteError) {
      throw new JfrError('JFR_BAD_CHECKPOINT', error.message, { offset: position });
    }
    throw error;
  }
}

function programOf(type: ClassType, op: Op, layouts: Layouts): Uint8Array | undefined {
  let known = programs.get(layouts);
  if (known === undefined) {
    known = new Map();
    programs.set(layouts, known);
  }
  if (!known.has(type)) known.set(type, poolProgram(op, layouts));
  return known.get(type);
}

/** A checkpoint in the memory of scan.wat, when first needed. */
class Copy {
  /** What is to be added to an offset in the copy for the one in the chunk. */
  readonly shift: number;
  readonly #memory: ScanMemory;
  readonly #take: () => Uint8Array;
  #bytes: Uint8Array | undefined;

  constructor(memory: ScanMemory, bytes: Uint8Array, start: number, end: number) {
    this.shift = start - INDEX_ROOM;
    this.#memory = memory;
    this.#take = () => {
      const room = memory.reserve(INDEX_ROOM + end - start);
      room.set(bytes.subarray(start, end), INDEX_ROOM);
      return room;
    };
  }

  index(program: Uint8Array, position: number, count: number): Indexed {
    this.#bytes ??= this.#take();
    const bytes = this.#bytes;
    this.#memory.program = program;
    return this.#memory.index(bytes, position - this.shift, bytes.length, count);
  }
}
