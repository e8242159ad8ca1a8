// SPDX-License-Identifier: Apache-2.0
// Events that tell in which async context they happened. A type that can has the field; whether it is
// filled is the setting `event#asyncContext` (false where nobody asks: reading it costs, and 0 is a byte).
import type { EventDeclaration, FieldDeclaration, SettingDeclaration } from '@rekindle/jfr/writing';

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

const CONTROL: SettingDeclaration = {
  name: ASYNC_SETTING,
  control: 'rekindle.settings.AsyncContext',
  label: 'Async Context',
  description: 'Record the id of the async context',
  flag: true,
  defaultValue: 'false',
};

/** Declarations as they were given, and with the setting. */
const completed = new WeakMap<EventDeclaration, EventDeclaration>();

/** The declaration, with the setting where it has the field. */
export function withAsyncSetting<const D extends EventDeclaration>(declaration: D): D {
  if (!hasAsyncContext(declaration)) return declaration;
  let complete = completed.get(declaration) as D | undefined;
  if (complete === undefined) {
    complete = { ...declaration, controls: [...(declaration.controls ?? []), CONTROL] };
    completed.set(declaration, complete);
  }
  return complete;
}

export function hasAsyncContext({ fields }: EventDeclaration): boolean {
  return fields.some(({ name }) => name === ASYNC_FIELD);
}
