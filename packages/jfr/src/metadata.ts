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
// and refer forward. A JVM declares a thousand classes, and most readers look at ten: all are checked, and
// each is read when it is first asked for.
import { ByteCursor, ByteError } from '@rekindle/bytes';
import { JfrError, type JfrPlace } from './error.ts';
import { checkElements, parseInteger } from './metadata-check.ts';
import { MetadataStrings } from './metadata-strings.ts';
import {
  type Annotation,
  type ClassBody,
  type ClassType,
  type Field,
  LazyClass,
  makeField,
  type Setting,
  TypeModel,
} from './type-model.ts';

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
  const at = (offset: number): JfrPlace => ({
    chunk: place.chunk,
    offset: place.base + position + offset,
  });
  try {
    const rest = bytes.subarray(position, limit);
    const size = new ByteCursor(rest).varint();
    if (size === 0 || size > rest.length) {
      throw new JfrError('JFR_BAD_EVENT_SIZE', `metadata event of ${size} bytes`);
    }
    // a copy: the bytes of the whole chunk are not to live as long as its types
    return readEvent(rest.slice(0, size));
  } catch (error) {
    if (error instanceof ByteError) {
      throw new JfrError('JFR_BAD_METADATA', error.message, at(error.offset));
    }
    if (!(error instanceof JfrError)) throw error;
    throw new JfrError(error.code, error.reason, at(error.offset ?? 0), error.hint);
  }
}

/** Offsets in errors are those in the event. */
function readEvent(event: Uint8Array): TypeModel {
  const cursor = new ByteCursor(event);
  cursor.varint(); // size
  const type = cursor.varint();
  if (type !== 0) {
    throw new JfrError('JFR_WRONG_EVENT', `event of type ${type} where metadata must be`);
  }
  cursor.long(); // start ticks
  cursor.long(); // duration
  const id = cursor.long();
  const strings = MetadataStrings.read(cursor);
  const places = checkElements(cursor, strings);
  const names = new Map(places.classes.map((head) => [head.id, head.name]));
  const elementAt = (offset: number): Element =>
    readElement(new ByteCursor(event, offset), strings);
  const classes = places.classes.map(
    (head): ClassType => new LazyClass(head, () => readBody(elementAt(head.position), names)),
  );
  const region = places.region === undefined ? undefined : elementAt(places.region);
  return new TypeModel(id, classes, {
    locale: region && attribute(region, 'locale'),
    gmtOffset: parseInteger(region && attribute(region, 'gmtOffset')),
    dst: parseInteger(region && attribute(region, 'dst')),
  });
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

/** An element that was checked. */
function readElement(cursor: ByteCursor, strings: MetadataStrings): Element {
  const name = strings.text(cursor.varint());
  const attributes: string[] = [];
  for (let left = 2 * cursor.varint(); left > 0; left--) {
    attributes.push(strings.text(cursor.varint()));
  }
  const children: Element[] = [];
  for (let left = cursor.varint(); left > 0; left--) children.push(readElement(cursor, strings));
  return { name, attributes, children };
}

function readBody(element: Element, names: ReadonlyMap<number, string>): ClassBody {
  const fields: Field[] = [];
  const settings: Setting[] = [];
  const annotations: Annotation[] = [];
  for (const child of element.children) {
    const name = attribute(child, 'name') ?? '';
    const typeId = parseInteger(attribute(child, 'class')) ?? 0;
    if (child.name === 'field') {
      fields.push(
        makeField({
          name,
          typeId,
          typeName: names.get(typeId),
          array: (parseInteger(attribute(child, 'dimension')) ?? 0) > 0,
          pooled: attribute(child, 'constantPool') === 'true',
          annotations: child.children
            .filter((part) => part.name === 'annotation')
            .map((part) => readAnnotation(part, names)),
        }),
      );
    } else if (child.name === 'setting') {
      const defaultValue = attribute(child, 'defaultValue') ?? '';
      settings.push({ name, typeName: names.get(typeId), defaultValue });
    } else if (child.name === 'annotation') {
      annotations.push(readAnnotation(child, names));
    }
  }
  return { fields, settings, annotations };
}

/** Array members are written `value-0`, `value-1` …; a single one is plain `value`. */
function readAnnotation(element: Element, names: ReadonlyMap<number, string>): Annotation {
  const typeId = parseInteger(attribute(element, 'class')) ?? 0;
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
