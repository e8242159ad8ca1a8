// SPDX-License-Identifier: Apache-2.0
// The names of the event types of a chunk, for those who want nothing else of its metadata: a fifth of
// the work of reading all of it, which counts where a process lives a tenth of a second.
import { ByteCursor, ByteError } from '@rekindle/bytes';
import { JfrError, type JfrPlace } from './error.ts';
import { readString, skipString } from './string-encoding.ts';

/** As in metadata.ts. */
const MAX_DEPTH = 16;

/**
 * Names of event types by id, in file order, from the content of a metadata event (id, strings and
 * elements; see `metadataContent`). Throws JFR_BAD_METADATA; `place` is that of the event.
 */
export function readEventNames(content: Uint8Array, place: JfrPlace): Map<number, string> {
  try {
    const cursor = new ByteCursor(content);
    cursor.long(); // metadata id
    const names = new Map<number, string>();
    readElement(cursor, readTable(cursor), 0, names);
    return names;
  } catch (error) {
    if (!(error instanceof ByteError || error instanceof JfrError)) throw error;
    throw new JfrError('JFR_BAD_METADATA', error.message, place);
  }
}

type Text = (index: number) => string;

/** Where the strings are; each is decoded when asked for. */
function readTable(cursor: ByteCursor): Text {
  const { bytes, limit } = cursor;
  const count = cursor.varint();
  cursor.require(count);
  const offsets = new Uint32Array(count);
  for (let index = 0; index < count; index++) {
    offsets[index] = cursor.position;
    cursor.seek(skipString(bytes, cursor.position, limit));
  }
  const texts: (string | undefined)[] = [];
  return (index) => {
    let text = texts[index];
    if (text === undefined) {
      const offset = offsets[index];
      if (offset === undefined)
        throw new JfrError('JFR_BAD_METADATA', `string ${index} of ${count}`);
      const read = readString(new ByteCursor(bytes, offset));
      text = typeof read === 'string' ? read : '';
      texts[index] = text;
    }
    return text;
  };
}

/** The classes are two below the root; what is in them is stepped over. */
function readElement(
  cursor: ByteCursor,
  text: Text,
  depth: number,
  names: Map<number, string>,
): void {
  if (depth > MAX_DEPTH) throw new JfrError('JFR_BAD_METADATA', 'elements nested too deeply');
  const isClass = depth === 2;
  cursor.varint(); // element name
  let name = '';
  let id = '';
  let event = false;
  for (let left = cursor.varint(); left > 0; left--) {
    const key = cursor.varint();
    const value = cursor.varint();
    if (!isClass) continue;
    const attribute = text(key);
    if (attribute === 'name') name = text(value);
    else if (attribute === 'id') id = text(value);
    else if (attribute === 'superType') event = text(value) === 'jdk.jfr.Event';
  }
  if (isClass && event) names.set(Number(id), name);
  for (let left = cursor.varint(); left > 0; left--) readElement(cursor, text, depth + 1, names);
}
