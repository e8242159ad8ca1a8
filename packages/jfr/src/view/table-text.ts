// SPDX-License-Identifier: Apache-2.0
// A table as text: columns as wide as their content wants within the width of the table, cells cut with
// an ellipsis where they do not fit.
import { isStruct, type Value } from '../value.ts';
import { type Cell, Fraction, numberOf } from './cell.ts';
import type { ViewField } from './field.ts';
import { formatCell } from './format-cell.ts';
import type { Query } from './query.ts';
import type { Answer } from './run.ts';
import { sortRows, type TextRow } from './sort-rows.ts';

export interface TableOptions {
  readonly title: string | undefined;
  /** Characters; undefined: 80 to 120, by the content. */
  readonly width?: number | undefined;
  readonly truncate?: 'beginning' | 'end' | undefined;
  /** Lines of a cell at most; overrides what the view says. */
  readonly cellHeight?: number | undefined;
  /** Field names under the headings. */
  readonly names?: boolean | undefined;
}

const MOST_WIDTH = 120;
const LEAST_WIDTH = 40;
const PREFERRED_WIDTH = 80;
const SEPARATOR = ' ';
const ELLIPSIS = '...';
const MINIMAL_WIDTH = 1 + SEPARATOR.length;

interface Column {
  readonly field: ViewField;
  readonly height: number;
  readonly truncate: 'beginning' | 'end' | undefined;
  /** With the separator. */
  width: number;
  preferred: number;
}

/** The text of a table, with its title. */
export function formatTable(answer: Answer, query: Query, options: TableOptions): string {
  const { fields } = answer;
  const columns = fields
    .filter(({ visible }) => visible)
    .map((field): Column => {
      const truncate = options.truncate ?? field.truncate;
      return {
        field,
        height: options.cellHeight || field.cellHeight,
        truncate,
        width: 0,
        preferred: 0,
      };
    });
  if (columns.length === 0 || answer.rows.length === 0) {
    return options.title === undefined ? '' : `\nNo events found for '${options.title}'.\n`;
  }
  if (columns.length * MINIMAL_WIDTH > (options.width || MOST_WIDTH)) {
    return '\nToo many columns to fit width.\n';
  }
  const rows = textRows(answer, columns);
  sortRows(fields, rows, query);
  const shown = query.limit === undefined ? rows : rows.slice(0, query.limit);
  const width = layOut(columns, options);
  const lines = titleLines(columns, options.title, width);
  lines.push(...printRow(columns.map((column) => fill(column, column.field.label))));
  if (options.names) {
    lines.push(...printRow(columns.map((column) => fill(column, `(${column.field.name})`))));
  }
  lines.push(...printRow(columns.map((column) => fill(column, '-'.repeat(column.width - 1)))));
  for (const row of shown)
    lines.push(...printRow(columns.map((column, i) => content(column, row, i))));
  return `${lines.join('\n')}\n`;
}

/** Formats every cell, and lets the columns know how wide they would like to be. */
function textRows({ fields, rows }: Answer, columns: readonly Column[]): TextRow[] {
  const sums = columns.map(({ field }, index) =>
    field.normalized ? rows.reduce((sum, row) => sum + (numberOf(row[index]!) ?? 0), 0) : 1,
  );
  return rows.map((cells) => {
    const texts = fields.map((field, index) => {
      const number = field.normalized ? numberOf(cells[index]!) : undefined;
      const text =
        number === undefined
          ? formatCell(field, cells[index]!)
          : formatCell(field, new Fraction(number / sums[index]!));
      const column = columns[index];
      if (column) column.preferred = Math.max(column.preferred, text.length + SEPARATOR.length);
      return text;
    });
    return { cells, texts };
  });
}

/** Gives the columns their widths; returns the sum. */
function layOut(columns: readonly Column[], options: TableOptions): number {
  for (const column of columns) {
    const name = options.names ? column.field.name.length + 2 : 0;
    const heading = Math.max(column.field.label.length, name) + SEPARATOR.length;
    column.preferred = Math.max(column.preferred, heading);
  }
  const wanted = options.width || tableWidth(columns);
  let width = 0;
  const distribute = (wants: (column: Column) => boolean): void => {
    let left = wanted - width;
    for (let before = -1; left > 0 && left !== before; ) {
      before = left;
      for (const column of columns.filter(wants)) {
        column.width++;
        width++;
        left--;
      }
    }
  };
  distribute(({ width: has }) => has < MINIMAL_WIDTH);
  distribute(({ width: has, preferred }) => has < preferred);
  distribute(({ field }) => !field.fixedWidth);
  distribute(() => true);
  return width;
}

function tableWidth(columns: readonly Column[]): number {
  const preferred = columns.reduce((sum, column) => sum + column.preferred, 0);
  if (preferred > MOST_WIDTH) return MOST_WIDTH;
  if (preferred < LEAST_WIDTH && columns.length < 3) return LEAST_WIDTH;
  return Math.max(preferred, PREFERRED_WIDTH);
}

function titleLines(
  columns: readonly Column[],
  title: string | undefined,
  width: number,
): string[] {
  if (title === undefined) return [];
  const isExperimental = columns.some(({ field }) =>
    field.sources.some(({ source }) => source.type.experimental),
  );
  const text = isExperimental ? `${title} (Experimental)` : title;
  return ['', ' '.repeat(Math.max(0, width - text.length) >> 1) + text, ''];
}

/** The lines of a cell. */
function content(column: Column, { cells, texts }: TextRow, index: number): string[] {
  const { field, height } = column;
  const cell = cells[index]!;
  if (height > 1) {
    const items = itemsOf(cell);
    if (items) return manyLines(column, items);
  }
  const text = texts[index]!;
  const room = height * (column.width - SEPARATOR.length);
  return fill(column, text.length > room ? formatCell(field, cell, true) : text);
}

/** The frames of a stack trace, or the items of a list. */
function itemsOf(cell: Cell): readonly Cell[] | undefined {
  if (Array.isArray(cell)) return cell as readonly Cell[];
  if (!isStruct(cell as Value)) return undefined;
  const { frames } = cell as { frames?: Value };
  return Array.isArray(frames) ? (frames as readonly Cell[]) : undefined;
}

function manyLines(column: Column, items: readonly Cell[]): string[] {
  const { field, height } = column;
  const width = column.width - SEPARATOR.length;
  const lines = items.slice(0, height).map((item) => {
    const text = formatCell(field, item);
    const line = text.length > width ? formatCell(field, item, true) : text;
    return line.length > width ? cut(line, width, column.truncate) : align(column, line);
  });
  // As the JDK: what fits is sorted, what had to be cut is not.
  if (!field.lexical || items.length > height) return lines;
  return lines.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/** A text in a cell: aligned on one line, wrapped over several, or cut. */
function fill(column: Column, text: string): string[] {
  const width = column.width - SEPARATOR.length;
  const room = column.height * width;
  if (text.length < width && text.length < room) return [align(column, text)];
  const shown = text.length > room ? cut(text, room, column.truncate) : text;
  const lines: string[] = [];
  for (let at = 0; at < room; at += width) {
    lines.push(shown.slice(at, at + width).padEnd(width));
    if (at + width >= shown.length) break;
  }
  return lines;
}

function align({ field, width }: Column, text: string): string {
  const room = width - SEPARATOR.length;
  return field.alignLeft ? text.padEnd(room) : text.padStart(room);
}

function cut(text: string, size: number, truncate: Column['truncate']): string {
  if (size < ELLIPSIS.length) return ELLIPSIS.slice(0, ELLIPSIS.length - size);
  const kept = size - ELLIPSIS.length;
  if (truncate === 'beginning') return ELLIPSIS + text.slice(text.length - kept);
  return text.slice(0, kept) + ELLIPSIS;
}

/** Cells side by side; a row is as high as its highest cell. */
function printRow(cells: readonly (readonly string[])[]): string[] {
  const height = Math.max(...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) =>
    cells.map((lines) => lines[line] ?? ' '.repeat(lines[0]?.length ?? 0)).join(SEPARATOR),
  );
}
