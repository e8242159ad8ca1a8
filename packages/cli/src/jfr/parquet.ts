// SPDX-License-Identifier: Apache-2.0
// Event tables as Parquet files. The library is loaded when the first file is written.
import { renameSync, rmSync } from 'node:fs';
import type { EventTable, TableColumn, TableColumnKind } from '@rekindle/jfr';
import type { ColumnSource, SchemaElement } from 'hyparquet-writer';

type Leaf = Omit<SchemaElement, 'name' | 'repetition_type'>;

const LEAVES: Readonly<Record<TableColumnKind, Leaf>> = {
  boolean: { type: 'BOOLEAN' },
  int: { type: 'INT32' },
  long: { type: 'INT64' },
  unsigned: { type: 'INT64', converted_type: 'UINT_64' },
  float: { type: 'FLOAT' },
  double: { type: 'DOUBLE' },
  timestamp: {
    type: 'INT64',
    logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'NANOS' },
  },
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
};

/** Writes a table aside and renames it when it is whole; what was at the path is replaced. */
export async function writeParquet(path: string, table: EventTable): Promise<void> {
  const { parquetWriteFile } = await import('hyparquet-writer');
  const aside = `${path}.tmp-${process.pid}`;
  try {
    parquetWriteFile({
      filename: aside,
      columnData: table.columns.map(columnSource),
      schema: [{ name: 'root', num_children: table.columns.length }, ...table.columns.map(element)],
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

function element({ name, kind, values }: TableColumn): SchemaElement {
  const nullable = kind === 'text' || values.includes(null);
  return { name, ...LEAVES[kind], repetition_type: nullable ? 'OPTIONAL' : 'REQUIRED' };
}
