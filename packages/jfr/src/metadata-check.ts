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

/** What an element is, by its name and by that of what it is in. */
type Role = 'root' | 'metadata' | 'region' | 'class' | 'field' | 'setting' | 'annotation' | 'other';

const PARTS: Partial<Record<Role, readonly Role[]>> = {
  root: ['metadata', 'region'],
  metadata: ['class'],
  class: ['field', 'setting', 'annotation'],
  field: ['annotation'],
};

/** The attributes they must have; those of the first list are numbers. */
const NUMBERS: Partial<Record<Role, string>> = {
  class: 'id',
  field: 'class',
  setting: 'class',
  annotation: 'class',
};
const NAMED: ReadonlySet<Role> = new Set(['class', 'field', 'setting']);

/** Steps through the root element at the cursor. Throws ByteError and JFR_BAD_METADATA. */
export function checkElements(cursor: ByteCursor, strings: MetadataStrings): MetadataPlaces {
  const check = new Check(cursor, strings);
  check.element('root', 0);
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
  /** What the last element had under the keys that are asked for; -1 = nothing. */
  #id = -1;
  #name = -1;
  #class = -1;

  constructor(cursor: ByteCursor, strings: MetadataStrings) {
    this.#cursor = cursor;
    this.#strings = strings;
    this.#numeric = new Uint8Array(strings.length);
  }

  element(parent: Role, depth: number): void {
    const cursor = this.#cursor;
    const strings = this.#strings;
    const { position } = cursor;
    if (depth > MAX_ELEMENT_DEPTH) {
      throw new JfrError('JFR_BAD_METADATA', 'elements nested too deeply', { offset: position });
    }
    const name = strings.text(this.#index());
    const role = depth === 0 ? 'root' : this.#role(parent, name);
    let superType: string | undefined;
    let simple: string | undefined;
    this.#id = this.#name = this.#class = -1;
    for (let left = cursor.varint(); left > 0; left--) {
      const key = this.#index();
      const value = this.#index();
      if (role === 'other') continue;
      const text = strings.text(key);
      if (text === 'name' && this.#name < 0) this.#name = value;
      else if (text === 'class' && this.#class < 0) this.#class = value;
      else if (text === 'id' && this.#id < 0) this.#id = value;
      else if (role !== 'class') continue;
      else if (text === 'superType') superType ??= strings.text(value);
      else if (text === 'simpleType') simple ??= strings.text(value);
    }
    this.#require(role);
    if (role === 'class') {
      const id = Number(strings.text(this.#id));
      this.classes.push({
        position,
        id,
        name: strings.text(this.#name),
        superType,
        simple: simple === 'true',
      });
    }
    if (role === 'region') this.region = position;
    for (let left = cursor.varint(); left > 0; left--) this.element(role, depth + 1);
  }

  #index(): number {
    const index = this.#cursor.varint();
    if (index >= this.#strings.length) throw this.#strings.missing(index);
    return index;
  }

  #role(parent: Role, name: string): Role {
    const role = PARTS[parent]?.find((part) => part === name) ?? 'other';
    // the first of them counts
    if (role === 'metadata') {
      if (this.hasMetadata) return 'other';
      this.hasMetadata = true;
    }
    return role === 'region' && this.region !== undefined ? 'other' : role;
  }

  #require(role: Role): void {
    const key = NUMBERS[role];
    if (key === undefined) return;
    if (NAMED.has(role) && this.#name < 0) throw this.#bad(`${role} without name`);
    const index = key === 'id' ? this.#id : this.#class;
    if (index < 0) throw this.#bad(`${role} without ${key}`);
    this.#numeric[index] ||= parseInteger(this.#strings.text(index)) === undefined ? 2 : 1;
    if (this.#numeric[index] === 2) throw this.#bad(`${role} with a ${key} that is no id`);
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
