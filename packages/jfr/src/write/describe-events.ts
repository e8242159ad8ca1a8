// SPDX-License-Identifier: Apache-2.0
// The documentation of event types, out of the declarations that their metadata and encoders come from.
import type { Content, EventDeclaration, FieldDeclaration } from '../declaration.ts';
import { allFields, settingsOf } from './registry.ts';

const MEANING: Readonly<Record<Content, string>> = {
  'timestamp-ticks': 'a moment, in ticks',
  'timestamp-epoch-millis': 'a moment, in ms since 1970',
  'timespan-ticks': 'a time span, in ticks',
  'timespan-nanos': 'a time span, in ns',
  'timespan-micros': 'a time span, in µs',
  'timespan-millis': 'a time span, in ms',
  'timespan-seconds': 'a time span, in s',
  bytes: 'bytes',
  bits: 'bits',
  'memory-address': 'an address',
  percentage: 'a share, 1 = all',
  frequency: 'per second',
};

/** Markdown: a section per event type in the order given, with a table of its fields. */
export function describeEvents(declarations: Iterable<EventDeclaration>): string {
  const sections = [...declarations].map(describe);
  return `${sections.join('\n\n')}\n`;
}

function describe(declaration: EventDeclaration): string {
  const settings = settingsOf(declaration).map(
    ({ name, defaultValue }) => `${name} = ${defaultValue}`,
  );
  const about =
    declaration.description === undefined ? '' : `${sentence(declaration.description)} `;
  return [
    `## ${declaration.name}`,
    '',
    `**${inMarkdown(declaration.label)}**${declaration.experimental ? ' (experimental)' : ''}, in ${declaration.category.map(inMarkdown).join(' / ')}. ${inMarkdown(about)}Settings: ${settings.join(', ')}.`,
    '',
    '| field | type | meaning |',
    '|---|---|---|',
    ...allFields(declaration).flatMap((field) => rows(field, '')),
  ].join('\n');
}

function rows(field: FieldDeclaration, prefix: string): string[] {
  const name = `${prefix}${field.name}`;
  const row = `| ${name} | ${typeOf(field)} | ${meaningOf(field)} |`;
  if (typeof field.type === 'string' || !('struct' in field.type)) return [row];
  return [row, ...field.type.fields.flatMap((inner) => rows(inner, `${name}.`))];
}

function typeOf({ type, unsigned }: FieldDeclaration): string {
  const sign = unsigned ? 'unsigned ' : '';
  if (typeof type !== 'string') return 'struct' in type ? type.struct : type.enumeration;
  return sign + (type === 'java.lang.String' ? 'String' : type);
}

function meaningOf({ type, label, content, description }: FieldDeclaration): string {
  const parts = [inMarkdown(label)];
  if (content !== undefined) parts.push(MEANING[content]);
  if (typeof type !== 'string' && 'enumeration' in type) {
    parts.push(`one of ${type.values.map((value) => `\`${value}\``).join(', ')}`);
  }
  if (description !== undefined) parts.push(inMarkdown(description));
  return parts.join('; ');
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** Text that a Markdown table and its surroundings leave alone. */
function inMarkdown(text: string): string {
  return text.replace(/[\\|*_`<[\]]/g, '\\$&').replace(/\s+/g, ' ');
}
