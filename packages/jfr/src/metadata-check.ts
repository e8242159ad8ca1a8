// SPDX-License-Identifier: Apache-2.0
// Steps through the elements of a metadata event: finds the classes, and that what they need is there, so
// that each can be read when it is first asked for, without error.
import type { ByteCursor } from '@rekindle/bytes';
import { JfrError } from './error.ts';
import type { MetadataStrings } from './metadata-strings.ts';

/** Element nesting the format needs is 5 (root, metadata, class, field, annotation). */
export const MAX_ELEMENT_DEPTH = 16;

/** Where a class is, and what is asked of all of them. */
export interface ClassHead {
  readonly position: number;
  readonly id: number;
  readonly name: string;
  readonly superType: string | undefined;
  readonly simple: boolean;
}

export interface MetadataPlaces {
  readonly classes: readonly ClassHead[];
  /** Offset of the region; undefined where there is none. */
  readonly region: number | undefined;
}

/** The words of the format, by their number in {@link WORDS}; 0 = another. */
const WORDS: readonly string[] = [
  '',
  'metadata',
  'region',
  'class',
  'field',
  'setting',
  'annotation',
  'name',
  'id',
  'superType',
  'simpleType',
];
const METADATA = 1;
const REGION = 2;
const CLASS = 3;
const FIELD = 4;
const SETTING = 5;
const ANNOTATION = 6;
const NAME = 7;
const ID = 8;
const SUPER_TYPE = 9;
const SIMPLE_TYPE = 10;
/** Also roles, beside those of the elements: of what is above them, and of what is none of them. */
const ROOT = 0;
const OTHER = 11;

/** What an element is, by its name and by that of what it is in: bits of what may be in an element. */
const PARTS: Uint16Array = new Uint16Array(OTHER + 1);
PARTS[ROOT] = (1 << METADATA) | (1 << REGION);
PARTS[METADATA] = 1 << CLASS;
PARTS[CLASS] = (1 << FIELD) | (1 << SETTING) | (1 << ANNOTATION);
PARTS[FIELD] = 1 << ANNOTATION;

/** Steps through the root element at the cursor. Throws ByteError and JFR_BAD_METADATA. */
export function checkElements(cursor: ByteCursor, strings: MetadataStrings): MetadataPlaces {
  const check = new Check(cursor, strings);
  check.element(ROOT, 0);
  if (!check.hasMetadata) throw new JfrError('JFR_BAD_METADATA', 'no metadata element');
  return check;
}

class Check implements MetadataPlaces {
  readonly classes: ClassHead[] = [];
  region: number | undefined;
  hasMetadata = false;
  readonly #cursor: ByteCursor;
  readonly #strings: MetadataStrings;
  /** Per string: 1 = an id, 2 = none. */
  readonly #numeric: Uint8Array;
  /** Per string: the number of the word and 1; 0 = not looked at. */
  readonly #words: Uint8Array;
  /** What the last element had under the keys that are asked for; -1 = nothing. */
  #id = -1;
  #name = -1;
  #class = -1;

  constructor(cursor: ByteCursor, strings: MetadataStrings) {
    this.#cursor = cursor;
    this.#strings = strings;
    this.#numeric = new Uint8Array(strings.length);
    this.#words = new Uint8Array(strings.length);
  }

  element(parent: number, depth: number): void {
    const cursor = this.#cursor;
    const strings = this.#strings;
    const { position } = cursor;
    if (depth > MAX_ELEMENT_DEPTH) {
      throw new JfrError('JFR_BAD_METADATA', 'elements nested too deeply', { offset: position });
    }
    const word = this.#word(this.#index());
    const role = depth === 0 ? ROOT : this.#role(parent, word);
    let superType = -1;
    let simple = -1;
    this.#id = this.#name = this.#class = -1;
    for (let left = cursor.varint(); left > 0; left--) {
      const index = this.#index();
      const value = this.#index();
      if (role === OTHER) continue;
      const key = this.#word(index);
      // the first of them counts
      if (key === NAME && this.#name < 0) this.#name = value;
      else if (key === CLASS && this.#class < 0) this.#class = value;
      else if (key === ID && this.#id < 0) this.#id = value;
      else if (key === SUPER_TYPE && superType < 0) superType = value;
      else if (key === SIMPLE_TYPE && simple < 0) simple = value;
    }
    this.#require(role);
    if (role === CLASS) {
      this.classes.push({
        position,
        id: Number(strings.text(this.#id)),
        name: strings.text(this.#name),
        superType: superType < 0 ? undefined : strings.text(superType),
        simple: simple >= 0 && strings.text(simple) === 'true',
      });
    }
    if (role === REGION) this.region = position;
    for (let left = cursor.varint(); left > 0; left--) this.element(role, depth + 1);
  }

  #index(): number {
    const index = this.#cursor.varint();
    if (index >= this.#strings.length) throw this.#strings.missing(index);
    return index;
  }

  /** Each string is compared once; elements and attributes of one name have one string. */
  #word(index: number): number {
    const known = this.#words[index]!;
    if (known > 0) return known - 1;
    const word = Math.max(WORDS.indexOf(this.#strings.text(index)), 0);
    this.#words[index] = word + 1;
    return word;
  }

  #role(parent: number, word: number): number {
    if (((PARTS[parent]! >> word) & 1) === 0) return OTHER;
    // the first of them counts
    if (word === METADATA) {
      if (this.hasMetadata) return OTHER;
      this.hasMetadata = true;
    }
    return word === REGION && this.region !== undefined ? OTHER : word;
  }

  /** The attributes they must have; ids are numbers. */
  #require(role: number): void {
    if (role < CLASS || role > ANNOTATION) return;
    const kind = WORDS[role]!;
    if (role !== ANNOTATION && this.#name < 0) throw this.#bad(`${kind} without name`);
    const key = role === CLASS ? 'id' : 'class';
    const index = role === CLASS ? this.#id : this.#class;
    if (index < 0) throw this.#bad(`${kind} without ${key}`);
    this.#numeric[index] ||= parseInteger(this.#strings.text(index)) === undefined ? 2 : 1;
    if (this.#numeric[index] === 2) throw this.#bad(`${kind} with a ${key} that is no id`);
  }

  #bad(reason: string): JfrError {
    return new JfrError('JFR_BAD_METADATA', reason);
  }
}

/** An id, or a number of milliseconds, as metadata has them; undefined where the text is none. */
export function parseInteger(text: string | undefined): number | undefined {
  if (text === undefined || !/^-?\d{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}
