// SPDX-License-Identifier: Apache-2.0
// A table is named columns of one length, each with a label and a unit. Answers that people read and
// answers that programs read are the same object; formatting is someone else's business.

/** What the numbers of a column mean. `ns`: nanoseconds; `address`: bytes from 0; `ratio`: 1 is equal. */
export type Unit = 'ns' | 'bytes' | 'pages' | 'count' | 'address' | 'ratio' | 'flag' | 'text';

/** Anything indexable that holds one value per row. */
export type ColumnValues =
  | Float64Array
  | Uint32Array
  | Int32Array
  | Uint16Array
  | Uint8Array
  | readonly string[];

export interface Column<V extends ColumnValues = ColumnValues> {
  readonly label: string;
  readonly unit: Unit;
  readonly values: V;
}

export interface Table<C extends Readonly<Record<string, Column>> = Record<string, Column>> {
  readonly title: string;
  readonly rows: number;
  readonly columns: C;
}

/** One column. */
export function column<V extends ColumnValues>(label: string, unit: Unit, values: V): Column<V> {
  return { label, unit, values };
}

/**
 * One table.
 *
 * @throws {RangeError} when the columns are not all of one length
 */
export function table<C extends Readonly<Record<string, Column>>>(
  title: string,
  columns: C,
): Table<C> {
  let rows = -1;
  for (const [name, { values }] of Object.entries(columns)) {
    if (rows === -1) rows = values.length;
    if (values.length !== rows) {
      throw new RangeError(
        `table "${title}": column ${name} has ${values.length} rows, not ${rows}`,
      );
    }
  }
  return { title, rows: Math.max(rows, 0), columns };
}

/** The rows as plain objects, for `--json` and for tests. */
export function toObjects(answer: Table): Record<string, number | string>[] {
  return Array.from({ length: answer.rows }, (_, row) =>
    Object.fromEntries(
      Object.entries(answer.columns).map(([name, { values }]) => [name, values[row] ?? '']),
    ),
  );
}
