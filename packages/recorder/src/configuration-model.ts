// SPDX-License-Identifier: Apache-2.0
// The parts of a configuration, and how they are written.
import { escapeXml } from './xml.ts';

export interface ConfigurationOption {
  readonly name: string;
  readonly label: string;
  readonly value: string;
}

/** Something a user may set: a choice, a switch or a text. */
export interface ConfigurationControl {
  readonly kind: 'selection' | 'flag' | 'text';
  readonly name: string;
  readonly label: string;
  readonly description: string | undefined;
  /** Of a text: for example `timespan`. */
  readonly contentType: string | undefined;
  readonly minimum: string | undefined;
  readonly maximum: string | undefined;
  /** Of a selection. */
  readonly options: readonly ConfigurationOption[];
  /** Present value; of a selection the name of the option. */
  readonly value: string;
}

export type Expression =
  | { readonly kind: 'test'; readonly control: string; readonly value: string }
  | { readonly kind: 'and' | 'or' | 'not'; readonly parts: readonly Expression[] };

export interface Condition {
  readonly name: string;
  readonly whenTrue: string | undefined;
  readonly whenFalse: string | undefined;
  readonly expression: Expression;
}

export interface EventSetting {
  readonly event: string;
  readonly name: string;
  readonly control: string | undefined;
  value: string;
}

/** Everything a file says. */
export interface ConfigurationParts {
  readonly head: Readonly<Record<string, string>>;
  readonly events: ReadonlyMap<string, readonly EventSetting[]>;
  readonly controls: readonly ConfigurationControl[];
  readonly conditions: readonly Condition[];
}

/** The text of a .jfc file. */
export function configurationXml({
  head,
  events,
  controls,
  conditions,
}: ConfigurationParts): string {
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<configuration version="2.0"${attributes(head)}>`,
  ];
  for (const [event, settings] of events) {
    lines.push(`  <event name="${escapeXml(event)}">`);
    for (const { name, control, value } of settings) {
      lines.push(`    <setting${attributes({ name, control })}>${escapeXml(value)}</setting>`);
    }
    lines.push('  </event>');
  }
  if (controls.length > 0 || conditions.length > 0) {
    lines.push('  <control>');
    for (const control of controls) lines.push(...controlXml(control));
    for (const { name, whenTrue, whenFalse, expression } of conditions) {
      lines.push(`    <condition${attributes({ name, true: whenTrue, false: whenFalse })}>`);
      lines.push(...expressionXml(expression, '      '), '    </condition>');
    }
    lines.push('  </control>');
  }
  lines.push('</configuration>', '');
  return lines.join('\n');
}

function controlXml(control: ConfigurationControl): string[] {
  const { kind, name, label, description, contentType, minimum, maximum, value } = control;
  const more = attributes({ name, label, description, contentType, minimum, maximum });
  if (kind !== 'selection') return [`    <${kind}${more}>${escapeXml(value)}</${kind}>`];
  return [
    `    <selection${more}${attributes({ default: value })}>`,
    ...control.options.map(
      (option) =>
        `      <option${attributes({ label: option.label, name: option.name })}>${escapeXml(option.value)}</option>`,
    ),
    '    </selection>',
  ];
}

function expressionXml(expression: Expression, indent: string): string[] {
  if (expression.kind === 'test') {
    const { control, value } = expression;
    return [`${indent}<test${attributes({ name: control, operator: 'equal', value })}/>`];
  }
  return [
    `${indent}<${expression.kind}>`,
    ...expression.parts.flatMap((part) => expressionXml(part, `${indent}  `)),
    `${indent}</${expression.kind}>`,
  ];
}

function attributes(values: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(values)
    .map(([name, value]) => (value === undefined ? '' : ` ${name}="${escapeXml(value)}"`))
    .join('');
}
