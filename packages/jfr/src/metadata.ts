// SPDX-License-Identifier: Apache-2.0
// The metadata event (type id 0): every class, field, annotation and setting of a chunk.
//
//   size · 0 · startTicks · duration · metadataId · stringCount · strings… · root element
//   element := nameIndex · attributeCount · (keyIndex, valueIndex)×n · childCount · children
//
//   root ─ metadata ─ class ─ setting | field ─ annotation | annotation
//        └ region
//
// All attribute values are strings. Class ids differ between builds and runs, classes come in any order
// and refer forward, so names are resolved in a second pass.
import { ByteCursor, ByteError } from '@rekindle/bytes';
import { JfrError, type JfrPlace } from './error.ts';
import { readString } from './string-encoding.ts';
import {
  type Annotation,
  type ClassType,
  type Field,
  makeClass,
  makeField,
  type Setting,
  TypeModel,
} from './type-model.ts';

/** Element nesting the format needs is 5 (root, metadata, class, field, annotation). */
const MAX_DEPTH = 16;

interface Element {
  readonly name: string;
  /** Keys and values in turn: there are never more than a few. */
  readonly attributes: readonly string[];
  readonly children: readonly Element[];
}

function attribute({ attributes }: Element, key: string): string | undefined {
  for (let at = 0; at < attributes.length; at += 2) {
    if (attributes[at] === key) return attributes[at + 1];
  }
  return undefined;
}

/**
 * Reads the metadata event at `position` of a chunk's bytes; `limit` is the end of the chunk. Throws
 * {@link JfrError} JFR_BAD_METADATA or JFR_WRONG_EVENT; offsets in errors count from `base`.
 */
export function readMetadata(
  bytes: Uint8Array,
  position: number,
  limit: number,
  place: { readonly chunk?: number; readonly base: number },
): TypeModel {
  const at = (offset: number): JfrPlace => ({ chunk: place.chunk, offset: place.base + offset });
  try {
    const head = new ByteCursor(bytes, position, limit);
    const size = head.varint();
    if (size === 0 || size > limit - position) {
      throw new JfrError('JFR_BAD_EVENT_SIZE', `metadata event of ${size} bytes`, at(position));
    }
    const cursor = new ByteCursor(bytes, head.position, position + size);
    const type = cursor.varint();
    if (type !== 0) {
      throw new JfrError(
        'JFR_WRONG_EVENT',
        `event of type ${type} where metadata must be`,
        at(position),
      );
    }
    cursor.long(); // start ticks
    cursor.long(); // duration
    const id = cursor.long();
    const strings = readStrings(cursor, at);
    const root = readElement(cursor, strings, 0, at);
    return build(id, root, at(position));
  } catch (error) {
    if (error instanceof ByteError) {
      throw new JfrError('JFR_BAD_METADATA', error.message, at(error.offset));
    }
    throw error;
  }
}

/**
 * The bytes of a metadata event after its times: id, strings and elements. Equal content means equal
 * types. Undefined where no metadata event fits.
 */
export function metadataContent(bytes: Uint8Array, position: number): Uint8Array | undefined {
  try {
    const cursor = new ByteCursor(bytes, position);
    const size = cursor.varint();
    if (cursor.varint() !== 0) return undefined;
    cursor.long();
    cursor.long();
    return bytes.subarray(cursor.position, position + size);
  } catch (error) {
    if (error instanceof ByteError) return undefined;
    throw error;
  }
}

function readStrings(cursor: ByteCursor, at: (offset: number) => JfrPlace): string[] {
  const start = cursor.position;
  const count = cursor.varint();
  // each string takes a byte at least
  if (count > cursor.remaining) {
    throw new JfrError('JFR_BAD_METADATA', `string table of ${count} entries`, at(start));
  }
  const strings: string[] = [];
  for (let index = 0; index < count; index++) {
    const from = cursor.position;
    const text = readString(cursor);
    if (typeof text === 'number' || typeof text === 'bigint') {
      throw new JfrError('JFR_BAD_METADATA', 'pooled string in the metadata', at(from));
    }
    strings.push(text ?? '');
  }
  return strings;
}

function readElement(
  cursor: ByteCursor,
  strings: readonly string[],
  depth: number,
  at: (offset: number) => JfrPlace,
): Element {
  if (depth > MAX_DEPTH) {
    throw new JfrError('JFR_BAD_METADATA', 'elements nested too deeply', at(cursor.position));
  }
  const text = (): string => {
    const from = cursor.position;
    const index = cursor.varint();
    const found = strings[index];
    if (found === undefined) {
      throw new JfrError('JFR_BAD_METADATA', `string ${index} of ${strings.length}`, at(from));
    }
    return found;
  };
  const name = text();
  const attributes: string[] = [];
  for (let left = cursor.varint(); left > 0; left--) {
    const key = text();
    attributes.push(key, text());
  }
  const children: Element[] = [];
  for (let left = cursor.varint(); left > 0; left--) {
    children.push(readElement(cursor, strings, depth + 1, at));
  }
  return { name, attributes, children };
}

function build(id: number | bigint, root: Element, place: JfrPlace): TypeModel {
  const metadata = root.children.find((child) => child.name === 'metadata');
  if (metadata === undefined) {
    throw new JfrError('JFR_BAD_METADATA', 'no metadata element', place);
  }
  const elements = metadata.children.filter((child) => child.name === 'class');
  const names = new Map<number, string>();
  for (const element of elements) {
    names.set(integer(element, 'id', place), required(element, 'name', place));
  }
  const classes = elements.map((element) => readClass(element, names, place));
  const region = root.children.find((child) => child.name === 'region');
  return new TypeModel(id, classes, {
    locale: region && attribute(region, 'locale'),
    gmtOffset: optionalInteger(region && attribute(region, 'gmtOffset')),
    dst: optionalInteger(region && attribute(region, 'dst')),
  });
}

function readClass(
  element: Element,
  names: ReadonlyMap<number, string>,
  place: JfrPlace,
): ClassType {
  const fields: Field[] = [];
  const settings: Setting[] = [];
  const annotations: Annotation[] = [];
  for (const child of element.children) {
    if (child.name === 'field') {
      const typeId = integer(child, 'class', place);
      fields.push(
        makeField({
          name: required(child, 'name', place),
          typeId,
          typeName: names.get(typeId),
          array: (optionalInteger(attribute(child, 'dimension')) ?? 0) > 0,
          pooled: attribute(child, 'constantPool') === 'true',
          annotations: child.children
            .filter((part) => part.name === 'annotation')
            .map((part) => readAnnotation(part, names, place)),
        }),
      );
    } else if (child.name === 'setting') {
      settings.push({
        name: required(child, 'name', place),
        typeName: names.get(integer(child, 'class', place)),
        defaultValue: attribute(child, 'defaultValue') ?? '',
      });
    } else if (child.name === 'annotation') {
      annotations.push(readAnnotation(child, names, place));
    }
  }
  return makeClass({
    id: integer(element, 'id', place),
    name: required(element, 'name', place),
    superType: attribute(element, 'superType'),
    simple: attribute(element, 'simpleType') === 'true',
    fields,
    settings,
    annotations,
  });
}

/** Array members are written `value-0`, `value-1` …; a single one is plain `value`. */
function readAnnotation(
  element: Element,
  names: ReadonlyMap<number, string>,
  place: JfrPlace,
): Annotation {
  const typeId = integer(element, 'class', place);
  const values = new Map<string, string | string[]>();
  for (let at = 0; at < element.attributes.length; at += 2) {
    const key = element.attributes[at]!;
    const value = element.attributes[at + 1]!;
    if (key === 'class') continue;
    const part = key.includes('-') ? /^(.+)-(\d+)$/.exec(key) : null;
    if (part === null) {
      values.set(key, value);
      continue;
    }
    const member = part[1]!;
    const list = values.get(member);
    if (Array.isArray(list)) list.push(value);
    else values.set(member, [value]);
  }
  return { typeId, typeName: names.get(typeId) ?? `#${typeId}`, values };
}

function required(element: Element, key: string, place: JfrPlace): string {
  const value = attribute(element, key);
  if (value === undefined) {
    throw new JfrError('JFR_BAD_METADATA', `${element.name} without ${key}`, place);
  }
  return value;
}

function integer(element: Element, key: string, place: JfrPlace): number {
  const value = optionalInteger(required(element, key, place));
  if (value === undefined) {
    throw new JfrError('JFR_BAD_METADATA', `${element.name} with a ${key} that is no id`, place);
  }
  return value;
}

function optionalInteger(text: string | undefined): number | undefined {
  if (text === undefined || !/^-?\d{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}
