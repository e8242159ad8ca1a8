// SPDX-License-Identifier: Apache-2.0
// TypeScript's view of an event, derived from its declaration (which must keep literal types:
// `as const satisfies EventDeclaration`).
import type { Enumeration, EventDeclaration, FieldDeclaration, Struct } from '../declaration.ts';

/** A 64-bit integer: a number where it is an integer that a number can say, a bigint anywhere. */
export type Long = number | bigint;
/** The key of a constant; 0 and null: none. */
export type Key = number | null;
/** Text, null, or the key of a string in the pool. */
export type Text = string | number | null;

interface ScalarValues {
  boolean: boolean;
  byte: number;
  char: number;
  short: number;
  int: number;
  long: Long;
  float: number;
  double: number;
  'java.lang.String': Text;
}

type ValueOf<Type> = Type extends keyof ScalarValues
  ? ScalarValues[Type]
  : Type extends Enumeration
    ? Type['values'][number] | Key
    : Key;

type FieldArguments<Fields extends readonly FieldDeclaration[]> = Fields extends readonly [
  infer First extends FieldDeclaration,
  ...infer Rest extends readonly FieldDeclaration[],
]
  ? [
      ...(First['type'] extends Struct
        ? FieldArguments<First['type']['fields']>
        : [ValueOf<First['type']>]),
      ...FieldArguments<Rest>,
    ]
  : [];

type When<Flag, Argument extends readonly unknown[]> = Flag extends true ? Argument : [];

/** The values of an event by position: startTime, [duration], [eventThread], [stackTrace], fields. */
export type EventArguments<Declaration extends EventDeclaration> =
  EventDeclaration extends Declaration
    ? // biome-ignore lint/suspicious/noExplicitAny: a declaration known only at run time
      any[]
    : [
        startTime: Long,
        ...When<Declaration['duration'], [duration: Long]>,
        ...When<Declaration['thread'], [eventThread: Key]>,
        ...When<Declaration['stackTrace'], [stackTrace: Key]>,
        ...FieldArguments<Declaration['fields']>,
      ];

type FieldValues<
  Fields extends readonly FieldDeclaration[],
  Prefix extends string = '',
> = Fields extends readonly [
  infer First extends FieldDeclaration,
  ...infer Rest extends readonly FieldDeclaration[],
]
  ? (First['type'] extends Struct
      ? FieldValues<First['type']['fields'], `${Prefix}${First['name']}.`>
      : { [Name in `${Prefix}${First['name']}`]: ValueOf<First['type']> }) &
      FieldValues<Rest, Prefix>
  : unknown;

/** The values of an event by name; those of a struct's fields as `struct.field`. */
export type EventValues<Declaration extends EventDeclaration> = EventDeclaration extends Declaration
  ? Readonly<Record<string, Long | Text | boolean | undefined>>
  : Readonly<
      { startTime: Long } & (Declaration['duration'] extends true ? { duration: Long } : unknown) &
        (Declaration['thread'] extends true ? { eventThread?: Key } : unknown) &
        (Declaration['stackTrace'] extends true ? { stackTrace?: Key } : unknown) &
        FieldValues<Declaration['fields']>
    >;
