// SPDX-License-Identifier: Apache-2.0
// The names of the event types of a chunk, for those who want nothing else of its metadata: a tenth of
// the work of reading all of it, which counts where a process lives a twentieth of a second.
import { ByteCursor, ByteError } from '@rekindle/bytes';
import { JfrError, type JfrPlace } from './error.ts';
import { MAX_ELEMENT_DEPTH } from './metadata-check.ts';
import { MetadataStrings } from './metadata-strings.ts';
import { ScanMemory } from './scan-wasm.ts';

/**
 * Names of event types by id, in file order, from the content of a metadata event (id, strings and
 * elements; see `metadataContent`). Throws JFR_BAD_METADATA; `place` is that of the event.
 */
export function readEventNames(content: Uint8Array, place: JfrPlace): Map<number, string> {
  try {
    const cursor = new ByteCursor(content);
    cursor.long(); // metadata id
    return locatedNames(content, cursor.position) ?? steppedNames(cursor);
  } catch (error) {
    if (!(error instanceof ByteError || error instanceof JfrError)) throw error;
    throw new JfrError('JFR_BAD_METADATA', error.message, place);
  }
}

/** By WebAssembly; undefined where there is none, or something is wrong. */
function locatedNames(content: Uint8Array, at: number): Map<number, string> | undefined {
  const cursor = new ByteCursor(content, at);
  const count = cursor.varint();
  const memory = ScanMemory.take();
  if (memory === undefined) return undefined;
  const located = memory.metadata(content, cursor.position, count);
  memory.release();
  if (located === undefined) return undefined;
  const names = new Map<number, string>();
  const strings = new MetadataStrings(content, located.strings);
  for (const position of located.classes) {
    cursor.seek(position);
    readClass(cursor, strings, names);
  }
  return names;
}

/** By TypeScript alone. Throws ByteError and JFR_BAD_METADATA. */
export function steppedNames(cursor: ByteCursor): Map<number, string> {
  const names = new Map<number, string>();
  readElement(cursor, MetadataStrings.read(cursor), 0, names);
  return names;
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
  if (depth === 2) readClass(cursor, strings, names);
  else {
    cursor.varint(); // element name
    for (let left = 2 * cursor.varint(); left > 0; left--) cursor.varint();
  }
  for (let left = cursor.varint(); left > 0; left--) readElement(cursor, strings, depth + 1, names);
}

/** Reads the attributes of a class: its name, if it is that of an event type. */
function readClass(cursor: ByteCursor, strings: MetadataStrings, names: Map<number, string>): void {
  cursor.varint(); // element name
  let name: number | undefined;
  let id: number | undefined;
  let event = false;
  for (let left = cursor.varint(); left > 0; left--) {
    const attribute = strings.text(cursor.varint());
    const value = cursor.varint();
    if (attribute === 'name') name = value;
    else if (attribute === 'id') id = value;
    else if (attribute === 'superType') event = strings.text(value) === 'jdk.jfr.Event';
  }
  if (!event) return;
  const text = (index: number | undefined): string =>
    index === undefined ? '' : strings.text(index);
  names.set(Number(text(id)), text(name));
}
