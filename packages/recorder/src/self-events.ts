// SPDX-License-Identifier: Apache-2.0
// Events that the recorder thread writes itself, straight into the chunk.
import {
  compileEncoder,
  type EncodeEvent,
  type EventDeclaration,
  type EventType,
  eventBound,
} from '@rekindle/jfr/writing';
import type { SharedTypes } from './types.ts';
import type { CommitArguments } from './values.ts';

/** Encodes events without a thread buffer. */
export class SelfEvents {
  readonly #types: SharedTypes;
  readonly #key: number;
  readonly #encoders = new Map<string, { type: EventType; encode: EncodeEvent }>();
  #scratch = new Uint8Array(4096);

  /** `key` is that of the thread the events are attributed to. */
  constructor(types: SharedTypes, key: number) {
    this.#types = types;
    this.#key = key;
  }

  /** The bytes of one event; valid until the next call. Whether it is enabled is for the caller. */
  encode<const D extends EventDeclaration>(
    declaration: D,
    ...args: CommitArguments<D>
  ): Uint8Array {
    let known = this.#encoders.get(declaration.name);
    if (known === undefined) {
      const type = this.#types.register(declaration);
      known = { type, encode: compileEncoder(type) };
      this.#encoders.set(declaration.name, known);
    }
    const values: unknown[] = [...args];
    const implicit = declaration.duration ? 2 : 1;
    if (declaration.stackTrace) values.splice(implicit, 0, 0);
    if (declaration.thread) values.splice(implicit, 0, this.#key);
    const bound = eventBound(known.type, values as never);
    if (bound > this.#scratch.length) this.#scratch = new Uint8Array(bound * 2);
    const end = known.encode(this.#scratch, 0, this.#scratch.length, ...values);
    return this.#scratch.subarray(0, end);
  }
}
