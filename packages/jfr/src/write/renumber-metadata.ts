// SPDX-License-Identifier: Apache-2.0
// Gives all classes of a chunk's metadata other ids: each plus the same number.
import { ByteCursor, ByteSink } from '@rekindle/bytes';
import { JfrError } from '../error.ts';
import { readString } from '../string-encoding.ts';
import { contentId } from './metadata-writer.ts';
import { putString, stringBound } from './string-writer.ts';

/**
 * Metadata content (id, strings, elements: what comes after the event's times) with `delta` added to
 * every class id. The content must have been read before: it is taken to be whole.
 */
export function renumberMetadata(content: Uint8Array, delta: number): Uint8Array<ArrayBuffer> {
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
  const indexes = new Map(strings.map((text, index) => [text, index]));
  const shifted = (index: number): number => {
    const text = String(Number(strings[index]) + delta);
    let found = indexes.get(text);
    if (found === undefined) {
      found = strings.push(text) - 1;
      indexes.set(text, found);
    }
    return found;
  };
  const tree = new ByteSink(content.length);
  const copy = (): number => {
    const value = cursor.varint();
    tree.varint(value);
    return value;
  };
  const element = (): void => {
    const name = strings[copy()];
    for (let left = copy(); left > 0; left--) {
      const key = strings[copy()];
      const value = cursor.varint();
      const isId = key === 'class' || (key === 'id' && name === 'class');
      tree.varint(isId ? shifted(value) : value);
    }
    for (let left = copy(); left > 0; left--) element();
  };
  element();

  const table = new ByteSink(content.length);
  for (const text of strings) {
    const bytes = new Uint8Array(stringBound(text));
    table.bytes(bytes.subarray(0, putString(bytes, 0, text)));
  }
  const result = new ByteSink(content.length + 1024);
  result.varint(contentId(table.view(), tree.view()));
  result.varint(strings.length);
  result.bytes(table.view());
  result.bytes(tree.view());
  return result.view();
}
