// SPDX-License-Identifier: Apache-2.0
// What the controls of a .jfc file say of the settings that name them. Undefined where they say nothing:
// then a setting stays as it is. Source: jdk.jfr.internal.jfc.model (XmlCondition, XmlTest, …, Result).
import type { JfcElement } from './element.ts';

/** The controls and conditions of one file by their names; settings and tests of that file mean these. */
export type Controls = ReadonlyMap<string, readonly JfcElement[]>;

/** Conditions that test conditions go no deeper than this. */
const MOST = 64;

/** What the controls of a name say: the first that says something. */
export function valueOfControl(name: string, controls: Controls): string | undefined {
  for (const control of controls.get(name) ?? []) {
    const value = evaluate(control, controls, 0);
    if (value !== undefined) return value;
  }
  return undefined;
}

/** The option of a selection that is chosen; the first where the default names none. */
export function selectedOption(selection: JfcElement): JfcElement | undefined {
  const options = selection.of('option');
  const chosen = selection.attribute('default');
  return options.find((option) => option.attribute('name') === chosen) ?? options[0];
}

/** Whether an element depends on the controls of a name. */
export function dependsOn(element: JfcElement, name: string): boolean {
  return (
    (element.kind === 'test' && element.attribute('name') === name) ||
    element.children.some((child) => dependsOn(child, name))
  );
}

function evaluate(element: JfcElement, controls: Controls, depth: number): string | undefined {
  if (depth > MOST) return undefined;
  const parts = element.children.filter(({ kind }) => kind !== '');
  const values = (): (string | undefined)[] =>
    parts.map((part) => evaluate(part, controls, depth + 1));
  switch (element.kind) {
    case 'selection':
      return truth(selectedOption(element)?.content);
    case 'flag':
    case 'text':
      return truth(element.content);
    case 'condition': {
      const value = values()[0];
      return value === 'true' || value === 'false'
        ? truth(element.attributes.get(value))
        : undefined;
    }
    case 'test': {
      const [control] = controls.get(element.attribute('name')) ?? [];
      const value = control && evaluate(control, controls, depth + 1);
      return value === undefined ? undefined : String(value === element.attribute('value'));
    }
    case 'not': {
      const value = values()[0];
      return value === undefined ? undefined : String(value !== 'true');
    }
    case 'and':
      return first(values(), 'false', 'true');
    default:
      return first(values(), 'true', 'false');
  }
}

/** One value where any part has it, else the other where any has that. */
function first(
  values: readonly (string | undefined)[],
  strong: string,
  weak: string,
): string | undefined {
  if (values.includes(strong)) return strong;
  return values.includes(weak) ? weak : undefined;
}

/** Truth in small letters; anything else as it is. */
function truth(value: string | undefined): string | undefined {
  const small = value?.toLowerCase();
  return small === 'true' || small === 'false' ? small : value;
}
