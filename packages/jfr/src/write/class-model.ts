// SPDX-License-Identifier: Apache-2.0
// What the metadata of a chunk says about a type, before it has an id.

export const ANNOTATION = 'java.lang.annotation.Annotation';
export const EVENT = 'jdk.jfr.Event';
export const SETTING_CONTROL = 'jdk.jfr.SettingControl';

export interface Annotation {
  /** Name of the annotation's class, for example `jdk.jfr.Label`. */
  readonly type: string;
  /** Members: `value`, or `value-0`, `value-1` … where the member is an array. */
  readonly members: Readonly<Record<string, string>>;
}

export interface ClassField {
  readonly name: string;
  /** Name of the field's class. */
  readonly type: string;
  readonly constantPool?: boolean;
  readonly array?: boolean;
  readonly annotations?: readonly Annotation[];
}

export interface ClassSetting {
  readonly name: string;
  /** Name of the setting control's class. */
  readonly type: string;
  readonly defaultValue: string;
}

export interface ClassModel {
  readonly name: string;
  readonly superType?: string;
  /** Shown as its one field. */
  readonly simple?: boolean;
  readonly settings?: readonly ClassSetting[];
  readonly fields?: readonly ClassField[];
  readonly annotations?: readonly Annotation[];
}

export function label(text: string): Annotation {
  return { type: 'jdk.jfr.Label', members: { value: text } };
}

export function annotation(type: string, value?: string): Annotation {
  return { type, members: value === undefined ? {} : { value } };
}
