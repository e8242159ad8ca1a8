// SPDX-License-Identifier: Apache-2.0
// What bench/jfr.ts measures: reads recordings as a consumer would, every value into a column, every
// text and stack resolved, and says what it read in the figures of JfrPeer.java.
import { openFileSource } from '../packages/bytes/src/node.ts';
import {
  type Chunk,
  type Column,
  isStruct,
  openRecording,
  type ReferenceColumn,
  type StringColumn,
  type Value,
} from '../packages/jfr/src/index.ts';

export interface Work {
  events: number;
  /** Characters of all texts, of every event. */
  characters: number;
  /** Stack frames of all events. */
  frames: number;
}

/** Every field of every event. */
export async function readAll(file: string): Promise<Work> {
  const work: Work = { events: 0, characters: 0, frames: 0 };
  const source = openFileSource(file);
  try {
    const recording = await openRecording(source);
    for await (const chunk of recording.parts()) {
      for (const { name } of chunk.eventTypes) {
        if (chunk.count(name) === 0) continue;
        const columns = chunk.columns(name);
        work.events += columns.length;
        for (const column of columns.all) read(chunk, column, work);
      }
    }
  } finally {
    source.close();
  }
  return work;
}

/** One type out of many. */
export async function readOne(file: string): Promise<Work> {
  const work: Work = { events: 0, characters: 0, frames: 0 };
  const name = 'jdk.ExecutionSample';
  const source = openFileSource(file);
  try {
    const recording = await openRecording(source);
    // reuse is what the JDK's EventStream does unless told otherwise
    for await (const chunk of recording.chunks([name], { reuse: true })) {
      const columns = chunk.columns(name, ['sampledThread', 'state', 'stackTrace']);
      work.events += columns.length;
      for (const column of columns.all) read(chunk, column, work);
    }
  } finally {
    source.close();
  }
  return work;
}

function read(chunk: Chunk, column: Column, work: Work): void {
  // parts of inline structs: the peer does not look into them
  if (column.name.includes('.')) return;
  if (column.kind === 'string') addTexts(column, work);
  if (column.kind === 'reference') addReferences(chunk, column, work);
}

function addTexts({ indices, strings }: StringColumn, work: Work): void {
  const lengths = new Int32Array(strings.length);
  for (let index = 0; index < lengths.length; index++) lengths[index] = strings.get(index)!.length;
  let sum = 0;
  for (let row = 0; row < indices.length; row++) {
    const index = indices[row]!;
    if (index >= 0) sum += lengths[index]!;
  }
  work.characters += sum;
}

interface Measures {
  readonly characters: Float64Array;
  readonly frames: Float64Array;
}

/** Parts of a chunk share its pools. */
const measures: WeakMap<ReferenceColumn['pool'], Measures> = new WeakMap();

/** Each constant is looked at once, and counted for every event that refers to it. */
function addReferences(chunk: Chunk, { name, indices, pool }: ReferenceColumn, work: Work): void {
  const { characters, frames } = measuresOf(pool);
  if (name === 'stackTrace') measureStacks(chunk, indices, characters, frames);
  for (let row = 0; row < indices.length; row++) {
    const index = indices[row]!;
    if (index < 0) continue;
    if (characters[index]! < 0) characters[index] = measure(pool.get(index));
    work.characters += characters[index]!;
    work.frames += frames[index]!;
  }
}

function measuresOf(pool: ReferenceColumn['pool']): Measures {
  let known = measures.get(pool);
  if (known === undefined) {
    known = {
      characters: new Float64Array(pool.length).fill(-1),
      frames: new Float64Array(pool.length),
    };
    measures.set(pool, known);
  }
  return known;
}

/** Lengths of the names of methods; -1 = not looked at. */
const methodNames: WeakMap<ReferenceColumn['pool'], Int32Array> = new WeakMap();

function namesOf(pool: ReferenceColumn['pool']): Int32Array {
  const known = methodNames.get(pool) ?? new Int32Array(pool.length).fill(-1);
  methodNames.set(pool, known);
  return known;
}

/** The stacks not looked at before. */
function measureStacks(
  chunk: Chunk,
  indices: Int32Array,
  characters: Float64Array,
  frames: Float64Array,
): void {
  const stacks = indices.filter((index) => {
    if (index < 0 || characters[index]! >= 0) return false;
    characters[index] = 0;
    return true;
  });
  const type = 'jdk.types.StackTrace';
  const { starts, columns } = chunk.elements(type, 'frames', stacks, ['method', 'lineNumber']);
  const method = columns.get('method') as ReferenceColumn;
  const lines = columns.numbers('lineNumber');
  const names = namesOf(method.pool);
  for (let stack = 0; stack < stacks.length; stack++) {
    let sum = 0;
    for (let row = starts[stack]!; row < starts[stack + 1]!; row++) {
      const index = method.indices[row]!;
      if (names[index]! < 0) {
        names[index] = (method.pool.get(index) as { name: string }).name.length;
      }
      sum += names[index]! + (lines[row]! % 2);
    }
    characters[stacks[stack]!] = sum;
    frames[stacks[stack]!] = starts[stack + 1]! - starts[stack]!;
  }
}

function measure(value: Value): number {
  if (typeof value === 'string') return value.length;
  if (!isStruct(value)) return 0;
  const { javaName, name, classLoader } = value;
  if (typeof javaName === 'string') return javaName.length;
  // a class has a loader; a method, a module or a package is not looked into
  const isClass = classLoader !== undefined && value.modifiers !== undefined;
  return isClass && typeof name === 'string' ? name.length : 0;
}
