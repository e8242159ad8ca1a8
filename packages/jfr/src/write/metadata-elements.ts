// SPDX-License-Identifier: Apache-2.0
// The content of a metadata event: a table of strings and a tree of elements.
//
//   metadataId · stringCount · strings… · root
//   element := name · attributeCount · (key · value)… · childCount · children…      indexes into strings
//
//   root ─┬ metadata ── class ─┬ setting
//         │                    ├ field ── annotation
//         │                    └ annotation
//         └ region
import { ByteCursor, ByteSink } from '@rekindle/bytes';
import { JfrError } from '../error.ts';
import { readString } from '../string-encoding.ts';
import { putString, stringBound } from './string-writer.ts';

export interface Element {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly Element[];
}

export function element(
  name: string,
  attributes: Readonly<Record<string, string>>,
  children: readonly Element[] = [],
): Element {
  return { name, attributes: new Map(Object.entries(attributes)), children };
}

/** The bytes of a tree, preceded by an id that follows from them, and by its strings. */
export function encodeElements(root: Element): Uint8Array<ArrayBuffer> {
  const tree = new ByteSink(16_384);
  const strings = new Map<string, number>();
  const index = (text: string): number => {
    const known = strings.get(text);
    if (known !== undefined) return known;
    strings.set(text, strings.size);
    return strings.size - 1;
  };
  const write = ({ name, attributes, children }: Element): void => {
    tree.varint(index(name));
    tree.varint(attributes.size);
    for (const [key, value] of attributes) {
      tree.varint(index(key));
      tree.varint(index(value));
    }
    tree.varint(children.length);
    for (const child of children) write(child);
  };
  write(root);
  const table = new ByteSink(16_384);
  for (const text of strings.keys()) {
    const bytes = new Uint8Array(stringBound(text));
    table.bytes(bytes.subarray(0, putString(bytes, 0, text)));
  }
  const content = new ByteSink(table.length + tree.length + 32);
  content.varint(contentId(table.view(), tree.view()));
  content.varint(strings.size);
  content.bytes(table.view());
  content.bytes(tree.view());
  return content.view();
}

/** The tree of a content that was read before: it is taken to be whole, and not nested too deeply. */
export function decodeElements(content: Uint8Array): Element {
  const cursor = new ByteCursor(content);
  cursor.long(); // metadata id
  const strings: string[] = [];
  for (let left = cursor.varint(); left > 0; left--) {
    const text = readString(cursor);
    if (typeof text === 'number' || typeof text === 'bigint') {
      throw new JfrError('JFR_BAD_METADATA', 'pooled string in the metadata');
    }
    strings.push(text ?? '');
  }
  const text = (): string => strings[cursor.varint()] ?? '';
  const read = (): Element => {
    const name = text();
    const attributes = new Map<string, string>();
    for (let left = cursor.varint(); left > 0; left--) {
      const key = text();
      attributes.set(key, text());
    }
    const children: Element[] = [];
    for (let left = cursor.varint(); left > 0; left--) children.push(read());
    return { name, attributes, children };
  };
  return read();
}

/** A tree with the same number added to every class id. */
export function renumbered(root: Element, delta: number): Element {
  const attributes = new Map(root.attributes);
  for (const [key, value] of attributes) {
    if (key === 'class' || (key === 'id' && root.name === 'class')) {
      attributes.set(key, String(Number(value) + delta));
    }
  }
  return { ...root, attributes, children: root.children.map((child) => renumbered(child, delta)) };
}

/**
 * The metadata id. Readers skip a metadata event whose id is that of the chunk before, even where that
 * chunk comes from another process and has other types; so the id is a hash (FNV-1a, twice) of the
 * content, far above the small counters that HotSpot uses.
 */
function contentId(...parts: readonly Uint8Array[]): number {
  let low = 0x811c9dc5;
  let high = 0x01234567;
  for (const part of parts) {
    for (let at = 0; at < part.length; at++) {
      low = Math.imul(low ^ part[at]!, 0x01000193);
      high = Math.imul(high ^ part[at]!, 0x01000193);
    }
  }
  return ((high >>> 12) | 0x80000) * 2 ** 32 + (low >>> 0);
}
