// SPDX-License-Identifier: Apache-2.0
// The TypeScript types of an event's values, derived from its declaration.
import type { Enumeration, EventDeclaration, FieldDeclaration } from '@rekindle/jfr/writing';
import type { Ticks } from './clock.ts';
import type { Frame } from './frames.ts';

/** A closed set of strings takes one of them, or its key (1 for the first), or null. */
type EnumerationValue<T extends Enumeration> = T['values'][number] | number | null;

type Inline = { readonly struct: string; readonly fields: readonly FieldDeclaration[] };

type ScalarValue<T> = T extends 'boolean'
  ? boolean
  : T extends 'long'
    ? number | bigint
    : T extends 'byte' | 'char' | 'short' | 'int' | 'float' | 'double'
      ? number
      : T extends 'java.lang.String'
        ? string | null
        : T extends Enumeration
          ? EnumerationValue<T>
          : T extends 'jdk.types.StackTrace'
            ? readonly Frame[] | number | null
            : T extends 'java.lang.Class'
              ? string | number | null
              : // the key of a constant, such as a thread
                number | null;

/** Values of fields in order; those of an inline struct stand in its place. */
export type Positional<F extends readonly FieldDeclaration[]> = F extends readonly [
  infer Head extends FieldDeclaration,
  ...infer Tail extends readonly FieldDeclaration[],
]
  ? Head['name'] extends 'asyncId'
    ? // the recorder's to fill
      Positional<Tail>
    : Head['type'] extends Inline
      ? [...Positional<Head['type']['fields']>, ...Positional<Tail>]
      : [ScalarValue<Head['type']>, ...Positional<Tail>]
  : F extends readonly []
    ? []
    : // a declaration whose fields are not known to the compiler
      // biome-ignore lint/suspicious/noExplicitAny: checked by the encoder then
      any[];

/** Values of fields by name. */
export type Named<F extends readonly FieldDeclaration[]> = {
  readonly [K in F[number] as K['name'] extends 'asyncId'
    ? never
    : K['name']]: K['type'] extends Inline ? Named<K['type']['fields']> : ScalarValue<K['type']>;
};

/** Arguments of `commit`: start, then duration where the event has one, then the fields. */
export type CommitArguments<D extends EventDeclaration> = D['duration'] extends true
  ? [startTicks: Ticks, durationTicks: Ticks, ...values: Positional<D['fields']>]
  : [startTicks: Ticks, ...values: Positional<D['fields']>];
