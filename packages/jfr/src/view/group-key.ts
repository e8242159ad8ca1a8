// SPDX-License-Identifier: Apache-2.0
// By what events are grouped, and in which order the groups come out. The JDK keeps groups in a
// java.util.HashMap and sorts them afterwards; rows that sort equal stay in the map's order. So the hash
// codes of Java are computed here, and the groups put into the order of the map's buckets.

import { spanNanos } from '../print/chunk-clock.ts';
import { className } from '../print/text-constants.ts';
import { classOf, isStruct, type Struct, type Value } from '../value.ts';
import { type Cell, DurationCell, Fraction, InstantCell, nameOf } from './cell.ts';

/** Identity and Java hash code of a group. */
export interface GroupKey {
  readonly id: string;
  readonly hash: number;
}

/** The key of a constant in its pool. */
export type KeyOf = (struct: Struct) => number | bigint;

const NULL: GroupKey = { id: 'null', hash: 0 };

function stringHash(text: string): number {
  let hash = 0;
  for (let index = 0; index < text.length; index++) {
    hash = (Math.imul(31, hash) + text.charCodeAt(index)) | 0;
  }
  return hash;
}

/** Long.hashCode, which for what fits an int is that of Integer too, but for negative ones. */
function longHash(value: number | bigint): number {
  const bits = BigInt.asUintN(64, BigInt(value));
  return Number((bits ^ (bits >> 32n)) & 0xffffffffn) | 0;
}

/** The key of one grouped value. `isLong` tells a long from the shorter integers. */
export function keyOfCell(cell: Cell, isLong: boolean, keyOf: KeyOf): GroupKey {
  if (cell === null) return NULL;
  if (typeof cell === 'string') return { id: `s${cell}`, hash: stringHash(cell) };
  if (typeof cell === 'boolean') return { id: String(cell), hash: cell ? 1231 : 1237 };
  if (typeof cell === 'number' || typeof cell === 'bigint') {
    return { id: `n${cell}`, hash: isLong ? longHash(cell) : Number(cell) | 0 };
  }
  if (cell instanceof Fraction) return { id: `f${cell.value}`, hash: 0 };
  if (cell instanceof DurationCell) {
    const nanos = spanNanos(cell.span);
    const seconds = nanos / 1_000_000_000n;
    const hash = (longHash(seconds) + 51 * Number(nanos - seconds * 1_000_000_000n)) | 0;
    return { id: `d${nanos}`, hash };
  }
  if (cell instanceof InstantCell) return { id: `i${cell.epochNanos}`, hash: 0 };
  if (isStruct(cell as Value)) return keyOfStruct(cell as Struct, keyOf);
  return { id: 'array', hash: 0 };
}

function keyOfStruct(struct: Struct, keyOf: KeyOf): GroupKey {
  switch (classOf(struct).name) {
    case 'jdk.types.Method':
      return keyOfMethod(struct, keyOf);
    case 'jdk.types.StackFrame':
      return isStruct(struct.method) ? keyOfMethod(struct.method, keyOf) : NULL;
    case 'jdk.types.StackTrace': {
      const frames = (Array.isArray(struct.frames) ? struct.frames : []) as readonly Value[];
      const keys = frames.map((frame) => (isStruct(frame) ? keyOfStruct(frame, keyOf) : NULL));
      const hash = keys.reduce((sum, key) => (Math.imul(31, sum) + key.hash) | 0, 1);
      return { id: `[${keys.map(({ id }) => id).join()}]`, hash };
    }
    case 'jdk.types.ThreadGroup': {
      const parent = isStruct(struct.parent) ? struct.parent.name : null;
      const text = `${nameOf(struct.name)}:${parent}`;
      return { id: text, hash: stringHash(text) };
    }
    default: {
      const key = keyOf(struct);
      return { id: `${classOf(struct).name}${key}`, hash: longHash(key) };
    }
  }
}

function keyOfMethod(method: Struct, keyOf: KeyOf): GroupKey {
  const name = nameOf(method.name);
  const descriptor = nameOf(method.descriptor);
  const type = isStruct(method.type) ? keyOf(method.type) : 0;
  let hash = (31 + longHash(type)) | 0;
  hash = (hash + Math.imul(31, hash) + stringHash(name)) | 0;
  hash = (hash + Math.imul(31, hash) + stringHash(descriptor)) | 0;
  return { id: `${className(method.type ?? null)} ${type} ${name}${descriptor}`, hash };
}

/** Several grouped values make a set: its hash is the sum, equal values count once. */
export function joinKeys(keys: readonly GroupKey[]): GroupKey {
  if (keys.length === 0) return NULL;
  if (keys.length === 1) return keys[0]!;
  const distinct = [...new Map(keys.map((key) => [key.id, key])).values()];
  return {
    id: distinct
      .map(({ id }) => id)
      .sort()
      .join(' & '),
    hash: distinct.reduce((sum, { hash }) => (sum + hash) | 0, 0),
  };
}

/**
 * Puts groups, given as they were first met, into the order in which a HashMap walks them.
 * computeIfAbsent grows the map before it inserts, so the very last call does not count when it made a
 * group (`lastMade`).
 */
export function inMapOrder<T extends { readonly hash: number }>(
  groups: readonly T[],
  lastMade: boolean,
): T[] {
  const size = groups.length - (lastMade ? 1 : 0);
  let capacity = 16;
  while (size > capacity * 0.75) capacity *= 2;
  const bucket = ({ hash }: T): number => (hash ^ (hash >>> 16)) & (capacity - 1);
  // computeIfAbsent puts a new entry in front of those in its bucket.
  return [...groups].reverse().sort((a, b) => bucket(a) - bucket(b));
}
