// SPDX-License-Identifier: Apache-2.0
// Event tables as Parquet files. The library is loaded when the first file is written.
import { renameSync, rmSync } from 'node:fs';
import type { EventTable, TableColumn, TableColumnKind } from '@rekindle/jfr';
import type { ColumnSource, SchemaElement } from 'hyparquet-writer';

type Leaf = Omit<SchemaElement, 'name' | 'repetition_type'>;

const LEAVES: Readonly<Record<Exclude<TableColumnKind, 'timestamp'>, Leaf>> = {
  boolean: { type: 'BOOLEAN' },
  int: { type: 'INT32' },
  long: { type: 'INT64' },
  unsigned: { type: 'INT64', converted_type: 'UINT_64' },
  float: { type: 'FLOAT' },
  double: { type: 'DOUBLE' },
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
};

export interface ParquetOptions {
  /**
   * Whether times are marked as UTC, which they are. DuckDB rounds marked ones to microseconds, and
   * needs an extension to show them.
   */
  readonly markUtc: boolean;
}

/** Writes a table aside and renames it when it is whole; what was at the path is replaced. */
export async function writeParquet(
  path: string,
  table: EventTable,
  { markUtc }: ParquetOptions = { markUtc: true },
): Promise<void> {
  const { parquetWriteFile } = await import('hyparquet-writer');
  const aside = `${path}.tmp-${process.pid}`;
  try {
    parquetWriteFile({
      filename: aside,
      columnData: table.columns.map(columnSource),
      schema: [
        { name: 'root', num_children: table.columns.length },
        ...table.columns.map((column) => element(column, markUtc)),
      ],
      kvMetadata: [{ key: 'jfr.event', value: table.event }],
      createdBy: 'rekindle',
    });
    renameSync(aside, path);
  } catch (error) {
    rmSync(aside, { force: true });
    throw error;
  }
}

function columnSource({ name, values }: TableColumn): ColumnSource {
  return { name, data: values as unknown[] as ColumnSource['data'] };
}

function element({ name, kind, values }: TableColumn, markUtc: boolean): SchemaElement {
  const nullable = kind === 'text' || values.includes(null);
  const leaf = kind === 'timestamp' ? timestamp(markUtc) : LEAVES[kind];
  return { name, ...leaf, repetition_type: nullable ? 'OPTIONAL' : 'REQUIRED' };
}

function timestamp(isAdjustedToUTC: boolean): Leaf {
  return { type: 'INT64', logical_type: { type: 'TIMESTAMP', isAdjustedToUTC, unit: 'NANOS' } };
}
