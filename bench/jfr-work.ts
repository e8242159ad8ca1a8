// SPDX-License-Identifier: Apache-2.0
// What bench/jfr.ts measures: reads recordings as a consumer would, every value into a column, every
// text and stack resolved, and says what it read in the figures of JfrPeer.java.
import { openFileSource } from '../packages/bytes/src/node.ts';
import {
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
        for (const column of columns.all) read(column, work);
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
    for await (const chunk of recording.chunks([name])) {
      const columns = chunk.columns(name, ['sampledThread', 'state', 'stackTrace']);
      work.events += columns.length;
      for (const column of columns.all) read(column, work);
    }
  } finally {
    source.close();
  }
  return work;
}

function read(column: Column, work: Work): void {
  // parts of inline structs: the peer does not look into them
  if (column.name.includes('.')) return;
  if (column.kind === 'string') addTexts(column, work);
  if (column.kind === 'reference') addReferences(column, work);
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
function addReferences({ indices, pool }: ReferenceColumn, work: Work): void {
  let known = measures.get(pool);
  if (known === undefined) {
    known = {
      characters: new Float64Array(pool.length).fill(-1),
      frames: new Float64Array(pool.length),
    };
    measures.set(pool, known);
  }
  const { characters, frames } = known;
  for (let row = 0; row < indices.length; row++) {
    const index = indices[row]!;
    if (index < 0) continue;
    if (characters[index]! < 0) {
      const constant = measure(pool.get(index));
      characters[index] = constant.characters;
      frames[index] = constant.frames;
    }
    work.characters += characters[index]!;
    work.frames += frames[index]!;
  }
}

function measure(value: Value): { characters: number; frames: number } {
  if (typeof value === 'string') return { characters: value.length, frames: 0 };
  if (!isStruct(value)) return { characters: 0, frames: 0 };
  const { javaName, frames, name, classLoader } = value;
  if (Array.isArray(frames)) {
    let characters = 0;
    for (const frame of frames) {
      const { method, lineNumber } = frame as { method: { name: string }; lineNumber: number };
      characters += method.name.length + (lineNumber % 2);
    }
    return { characters, frames: frames.length };
  }
  if (typeof javaName === 'string') return { characters: javaName.length, frames: 0 };
  // a class has a loader; a method, a module or a package is not looked into
  const isClass = classLoader !== undefined && value.modifiers !== undefined;
  return { characters: isClass && typeof name === 'string' ? name.length : 0, frames: 0 };
}
