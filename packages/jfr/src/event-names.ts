// SPDX-License-Identifier: Apache-2.0
// The names of the event types of a chunk, for those who want nothing else of its metadata: a fifth of
// the work of reading all of it, which counts where a process lives a tenth of a second.
import { ByteCursor, ByteError } from '@rekindle/bytes';
import { JfrError, type JfrPlace } from './error.ts';
import { MAX_ELEMENT_DEPTH } from './metadata-check.ts';
import { MetadataStrings } from './metadata-strings.ts';

/**
 * Names of event types by id, in file order, from the content of a metadata event (id, strings and
 * elements; see `metadataContent`). Throws JFR_BAD_METADATA; `place` is that of the event.
 */
export function readEventNames(content: Uint8Array, place: JfrPlace): Map<number, string> {
  try {
    const cursor = new ByteCursor(content);
    cursor.long(); // metadata id
    const names = new Map<number, string>();
    readElement(cursor, new MetadataStrings(cursor), 0, names);
    return names;
  } catch (error) {
    if (!(error instanceof ByteError || error instanceof JfrError)) throw error;
    throw new JfrError('JFR_BAD_METADATA', error.message, place);
  }
}

/** The classes are two below the root; what is in them is stepped over. */
function readElement(
  cursor: ByteCursor,
  strings: MetadataStrings,
  depth: number,
  names: Map<number, string>,
): void {
  if (depth > MAX_ELEMENT_DEPTH)
    throw new JfrError('JFR_BAD_METADATA', 'elements nested too deeply');
  const isClass = depth === 2;
  cursor.varint(); // element name
  let name = '';
  let id = '';
  let event = false;
  for (let left = cursor.varint(); left > 0; left--) {
    const key = cursor.varint();
    const value = cursor.varint();
    if (!isClass) continue;
    const attribute = strings.text(key);
    if (attribute === 'name') name = strings.text(value);
    else if (attribute === 'id') id = strings.text(value);
    else if (attribute === 'superType') event = strings.text(value) === 'jdk.jfr.Event';
  }
  if (isClass && event) names.set(Number(id), name);
  for (let left = cursor.varint(); left > 0; left--) readElement(cursor, strings, depth + 1, names);
}
