// SPDX-License-Identifier: Apache-2.0
// Kinds of fields that event declarations use. Names stay literal types, so that the types of an event's
// values follow from its declaration.
import type { FieldDeclaration } from '@rekindle/jfr/writing';

export const text = <const N extends string>(name: N, label: string) =>
  ({ name, type: 'java.lang.String', label }) as const satisfies FieldDeclaration;
export const long = <const N extends string>(name: N, label: string) =>
  ({ name, type: 'long', label }) as const satisfies FieldDeclaration;
export const count = <const N extends string>(name: N, label: string) =>
  ({ name, type: 'int', label, unsigned: true }) as const satisfies FieldDeclaration;
export const bytes = <const N extends string>(name: N, label: string) =>
  ({
    name,
    type: 'long',
    label,
    unsigned: true,
    content: 'bytes',
  }) as const satisfies FieldDeclaration;
export const address = <const N extends string>(name: N, label: string) =>
  ({
    name,
    type: 'long',
    label,
    unsigned: true,
    content: 'memory-address',
  }) as const satisfies FieldDeclaration;
export const span = <const N extends string>(name: N, label: string) =>
  ({
    name,
    type: 'long',
    label,
    unsigned: true,
    content: 'timespan-ticks',
  }) as const satisfies FieldDeclaration;
export const percentage = <const N extends string>(name: N, label: string) =>
  ({ name, type: 'float', label, content: 'percentage' }) as const satisfies FieldDeclaration;
export const thread = <const N extends string>(name: N, label: string) =>
  ({ name, type: 'java.lang.Thread', label }) as const satisfies FieldDeclaration;
export const type = <const N extends string>(name: N, label: string) =>
  ({ name, type: 'java.lang.Class', label }) as const satisfies FieldDeclaration;

export const nanos = <const N extends string>(name: N, label: string) =>
  ({ name, type: 'long', label, content: 'timespan-nanos' }) as const satisfies FieldDeclaration;

/** The JDK declares its events disabled; configurations enable them. */
export const OFF = { enabled: 'false' } as const;
