// SPDX-License-Identifier: Apache-2.0
// Events that tell in which async context they happened. A type that can has the field; whether it is
// filled is the setting `event#asyncContext` (false where nobody asks: reading it costs, and 0 is a byte).
import type { EventDeclaration, FieldDeclaration } from '@rekindle/jfr';

/** Name of the field, which the recorder fills and `commit` does not take. */
export const ASYNC_FIELD = 'asyncId';
/** Name of the setting. */
export const ASYNC_SETTING = 'asyncContext';

/** A field for events that can tell their async context: that of the commit, by `executionAsyncId()`. */
export const asyncContextField = {
  name: 'asyncId',
  type: 'long',
  label: 'Async Context',
  description: 'As async_hooks number them; 0 where the setting asyncContext is not on',
} as const satisfies FieldDeclaration;

export function hasAsyncContext({ fields }: EventDeclaration): boolean {
  return fields.some(({ name }) => name === ASYNC_FIELD);
}
