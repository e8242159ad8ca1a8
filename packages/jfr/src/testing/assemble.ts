// SPDX-License-Identifier: Apache-2.0
// Assembles chunks byte by byte, legal or not: what no writer would write, a test still must.
import { putLong } from '@rekindle/bytes';
import { type ChunkHeader, encodeHeader, HEADER_SIZE } from '../header.ts';

export type Bytes = readonly number[];

/** A varint, padded to `width` bytes where that is more than it needs. */
export function varint(value: number | bigint, width = 0): Bytes {
  const room = new Uint8Array(9);
  const length = putLong(room, 0, value);
  const bytes = [...room.subarray(0, length)];
  while (bytes.length < Math.min(width, 9)) {
    bytes[bytes.length - 1]! |= 0x80;
    bytes.push(0);
  }
  return bytes;
}

/** A string in encoding 3 (UTF-8), 4 (UTF-16 units) or 5 (Latin-1). */
export function text(value: string, encoding: 3 | 4 | 5 = 3): Bytes {
  if (encoding === 4) {
    const units = Array.from({ length: value.length }, (_, at) => value.charCodeAt(at));
    return [4, ...varint(units.length), ...units.flatMap((unit) => [...varint(unit)])];
  }
  const bytes =
    encoding === 3
      ? [...new TextEncoder().encode(value)]
      : Array.from({ length: value.length }, (_, at) => value.charCodeAt(at));
  return [encoding, ...varint(bytes.length), ...bytes];
}

/** An event: size, type id, payload. `sizeWidth` 4 is HotSpot's padded form. */
export function event(typeId: number, payload: Bytes, sizeWidth = 1): Bytes {
  const rest = [...varint(typeId), ...payload];
  let width = sizeWidth;
  while (varint(rest.length + width).length > width) width++;
  return [...varint(rest.length + width, width), ...rest];
}

export interface Attributes {
  readonly [name: string]: string;
}

/** An element of the metadata tree. */
export interface Tree {
  readonly name: string;
  readonly attributes: Attributes;
  readonly children: readonly Tree[];
}

export function tree(
  name: string,
  attributes: Attributes = {},
  children: readonly Tree[] = [],
): Tree {
  return { name, attributes, children };
}

/** A metadata event of these `class` elements, with strings in `encoding`. */
export function metadata(classes: readonly Tree[], id = 1, encoding: 3 | 4 | 5 = 3): Bytes {
  const strings: string[] = [];
  const index = (value: string): Bytes => {
    if (!strings.includes(value)) strings.push(value);
    return varint(strings.indexOf(value));
  };
  const element = (node: Tree): Bytes => [
    ...index(node.name),
    ...varint(Object.keys(node.attributes).length),
    ...Object.entries(node.attributes).flatMap(([key, value]) => [...index(key), ...index(value)]),
    ...varint(node.children.length),
    ...node.children.flatMap((child) => [...element(child)]),
  ];
  const root = element(tree('root', {}, [tree('metadata', {}, classes), tree('region')]));
  const table = strings.flatMap((value) => [...text(value, encoding)]);
  return event(0, [0, 0, ...varint(id), ...varint(strings.length), ...table, ...root], 4);
}

export interface PoolEntry {
  readonly key: number | bigint;
  readonly value: Bytes;
}

/** A checkpoint of some pools, by type id. */
export function checkpoint(
  pools: ReadonlyMap<number, readonly PoolEntry[]>,
  delta: number | bigint = 0,
): Bytes {
  const body = [...pools].flatMap(([typeId, entries]) => [
    ...varint(typeId),
    ...varint(entries.length),
    ...entries.flatMap(({ key, value }) => [...varint(key), ...value]),
  ]);
  return event(1, [0, 0, ...varint(delta), 0, ...varint(pools.size), ...body], 4);
}

/**
 * A chunk of these parts, one after the other. The header points at the last metadata event and the
 * last checkpoint among them, unless `header` says otherwise.
 */
export function chunk(parts: readonly Bytes[], header: Partial<ChunkHeader> = {}): Uint8Array {
  let offset = HEADER_SIZE;
  let metadataPosition = 0;
  let constantPoolPosition = 0;
  for (const part of parts) {
    const typeAt = part.findIndex((byte) => byte < 128) + 1;
    if (part[typeAt] === 0) metadataPosition = offset;
    if (part[typeAt] === 1) constantPoolPosition = offset;
    offset += part.length;
  }
  const head = encodeHeader({
    major: 2,
    minor: 1,
    size: offset,
    constantPoolPosition,
    metadataPosition,
    startNanos: 1_700_000_000_000_000_000n,
    durationNanos: 1_000_000_000n,
    startTicks: 5_000n,
    ticksPerSecond: 1_000_000_000n,
    state: 0,
    flags: 1,
    ...header,
  });
  return Uint8Array.from([...head, ...parts.flat()]);
}

/** Class elements of the primitives and String; ids 1 to 9. */
export const PRIMITIVES: readonly Tree[] = [
  'boolean',
  'byte',
  'char',
  'short',
  'int',
  'long',
  'float',
  'double',
  'java.lang.String',
].map((name, at) => tree('class', { name, id: String(at + 1) }));

/** Id of a primitive, or of String, in {@link PRIMITIVES}. */
export function primitive(name: string): string {
  const found = PRIMITIVES.find(({ attributes }) => attributes.name === name);
  return found?.attributes.id ?? '0';
}

export function field(
  name: string,
  classId: string,
  more: Attributes = {},
  notes: readonly Tree[] = [],
): Tree {
  return tree('field', { name, class: classId, ...more }, notes);
}

export function eventClass(name: string, id: number, fields: readonly Tree[]): Tree {
  return tree('class', { name, superType: 'jdk.jfr.Event', id: String(id) }, fields);
}
