// SPDX-License-Identifier: Apache-2.0
import { type Cell, compareCells } from './cell.ts';
import type { ViewField } from './field.ts';
import type { Query } from './query.ts';

/** A row with the texts of its cells. */
export interface TextRow {
  readonly cells: readonly Cell[];
  readonly texts: readonly string[];
}

/**
 * Sorts as the JDK: by what the query says; else by its aggregates; else by what it groups by; else by
 * the first column. Each sort keeps the order of the one before among equals.
 */
export function sortRows(fields: readonly ViewField[], rows: TextRow[], query: Query): void {
  const ordered = fields.filter(({ order }) => order);
  if ((query.orderBy?.length ?? 0) > 0) {
    for (const text of [...(query.orderBy ?? [])].reverse()) {
      for (const field of ordered) {
        const isOf = `${field.order?.field} ${field.order?.direction ?? ''}`.trim();
        if (isOf.toLowerCase() === text.toLowerCase().trim()) sortBy(field, rows);
      }
    }
    return;
  }
  const aggregates = fields.filter(({ aggregate }) => aggregate);
  const grouped = fields.filter((field) => field.grouped);
  const keys =
    aggregates.length > 0 ? aggregates : grouped.length > 0 ? grouped : fields.slice(0, 1);
  for (const field of keys) sortBy(field, rows);
}

function sortBy(field: ViewField, rows: TextRow[]): void {
  const direction = field.order?.direction;
  const isDescending = direction ? direction === 'desc' : field.timespan || field.percentage;
  const sign = isDescending ? -1 : 1;
  const { index } = field;
  rows.sort((a, b) => {
    if (!field.lexical) return sign * compareCells(a.cells[index] ?? null, b.cells[index] ?? null);
    const [x, y] = [a.texts[index]!, b.texts[index]!];
    return x === y ? 0 : sign * (x < y ? -1 : 1);
  });
}
