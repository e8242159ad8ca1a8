// SPDX-License-Identifier: Apache-2.0
// A form as text: one row, a paragraph for each field.
import { formatCell } from './format-cell.ts';
import type { Answer } from './run.ts';

const WIDTH = 80;

export function formatForm({ fields, rows }: Answer, title: string, width: number = WIDTH): string {
  const row = rows[0];
  if (!row) return `\nNo events found for '${title}'.\n`;
  const widest = Math.max(...fields.map(({ label }) => label.length + 3));
  if (widest + 2 > width) return `\nColumns are too wide to fit width ${width}.\n`;
  let text = `\n${title}\n${'-'.repeat(title.length)}\n`;
  for (const field of fields) {
    if (!field.visible) continue;
    const label = `${field.label}: `;
    text += `\n${label}`;
    const value = formatCell(field, row[field.index]!);
    const room = width - label.length - 1;
    for (let at = 0; at < value.length; at += room) {
      if (at > 0) text += ' '.repeat(label.length);
      text += value.slice(at, at + room);
      if (at + room <= value.length) text += '\n';
    }
    text += '\n';
  }
  return text;
}
