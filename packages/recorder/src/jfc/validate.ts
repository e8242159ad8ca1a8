// SPDX-License-Identifier: Apache-2.0
// What an element of a .jfc file must have. Source: the constraints of jdk.jfr.internal.jfc.model.
import { RecorderError } from '../error.ts';
import type { JfcElement } from './element.ts';

const ATTRIBUTES: Readonly<Record<string, readonly string[]>> = {
  configuration: ['version', 'label'],
  event: ['name'],
  setting: ['name'],
  selection: ['name', 'label', 'default'],
  flag: ['name', 'label'],
  text: ['name', 'label'],
  option: ['label', 'name'],
  condition: ['name'],
  test: ['name', 'operator', 'value'],
};

/** Expressions, and how many an element has of them at least and at most. */
const PARTS: Readonly<Record<string, readonly [number, number]>> = {
  condition: [0, 1],
  not: [1, 1],
  and: [2, Number.POSITIVE_INFINITY],
  or: [2, Number.POSITIVE_INFINITY],
  test: [0, 0],
};

/** Throws RECORDER_BAD_CONFIGURATION at the first element that lacks something. */
export function validate(element: JfcElement): void {
  const { name, kind, children } = element;
  for (const attribute of ATTRIBUTES[kind] ?? []) {
    if (!element.attributes.has(attribute)) {
      throw bad(element, `<${name}> without the mandatory attribute ${attribute}`);
    }
  }
  if (kind === 'configuration' && element.attribute('version') !== '2.0') {
    throw bad(element, `version "${element.attribute('version')}" of the format is not known`);
  }
  if (kind === 'selection' && element.of('option').length === 0) {
    throw bad(element, '<selection> without an <option>');
  }
  if (kind === 'test' && element.attribute('operator').toLowerCase() !== 'equal') {
    throw bad(element, `operator "${element.attribute('operator')}" is not known, only equal is`);
  }
  const parts = children.filter((child) => child.kind !== '').length;
  const [least, most] = PARTS[kind] ?? [0, Number.POSITIVE_INFINITY];
  if (parts < least || parts > most) throw bad(element, `<${name}> around ${parts} expressions`);
  for (const child of children) validate(child);
}

function bad({ line }: JfcElement, what: string): RecorderError {
  return new RecorderError('RECORDER_BAD_CONFIGURATION', `line ${line}: ${what}`);
}
