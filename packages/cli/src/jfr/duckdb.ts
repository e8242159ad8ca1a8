// SPDX-License-Identifier: Apache-2.0
// Event types as tables of DuckDB. A type goes there only when a statement names it: as a Parquet file
// under a view, so that a statement reads the columns it needs.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBResultReader } from '@duckdb/node-api';
import { eventTable, type Recording } from '@rekindle/jfr';
import { writeParquet } from './parquet.ts';

const PACKAGE = '@duckdb/node-api@1.5.6-r.1';

export interface QueryResult {
  readonly columns: readonly string[];
  /** As JSON has them: bigints, timestamps and the like as text. */
  readonly rows: readonly (readonly unknown[])[];
}

/** What is wrong with a statement, or with the installation. */
export class QueryError extends Error {
  readonly code: 'QUERY_NO_DUCKDB' | 'QUERY_FAILED';
  readonly hint: string;

  constructor(code: QueryError['code'], message: string, hint: string) {
    super(message);
    this.name = 'QueryError';
    this.code = code;
    this.hint = hint;
  }
}

/** Runs a statement over the events of a recording. Throws QueryError. */
export async function query(recording: Recording, sql: string): Promise<QueryResult> {
  const { DuckDBInstance } = await load();
  const directory = mkdtempSync(join(tmpdir(), 'rekindle-query-'));
  try {
    const instance = await DuckDBInstance.create(':memory:', {
      autoinstall_known_extensions: 'false',
    });
    const connection = await instance.connect();
    try {
      await addTables(recording, wordsOf(sql), connection, directory);
      const reader = await run(connection, sql);
      return { columns: reader.deduplicatedColumnNames(), rows: reader.getRowsJson() };
    } finally {
      connection.closeSync();
      instance.closeSync();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function load(): Promise<typeof import('@duckdb/node-api')> {
  try {
    return await import('@duckdb/node-api');
  } catch (error) {
    const { message } = error as Error;
    throw new QueryError(
      'QUERY_NO_DUCKDB',
      `DuckDB, an optional dependency, cannot be loaded: ${message.split('\n')[0]}`,
      `npm install ${PACKAGE}`,
    );
  }
}

async function run(connection: DuckDBConnection, sql: string): Promise<DuckDBResultReader> {
  try {
    return await connection.runAndReadAll(sql);
  } catch (error) {
    throw new QueryError(
      'QUERY_FAILED',
      (error as Error).message.trimEnd(),
      'tables are event types: rekindle jfr summary FILE names them, rekindle jfr metadata their fields',
    );
  }
}

/**
 * The words of a statement, in small letters. (DuckDB's own list of a statement's tables leaves out
 * those that common table expressions name.)
 */
function wordsOf(sql: string): ReadonlySet<string> {
  return new Set(sql.toLowerCase().match(/[\p{L}_$][\p{L}\p{N}_$]*/gu));
}

/** A view for every event type whose simple name is among the words. */
async function addTables(
  recording: Recording,
  words: ReadonlySet<string>,
  connection: DuckDBConnection,
  directory: string,
): Promise<void> {
  const events = (await recording.summary()).events.map(({ name }) => name);
  const simple = (name: string): string => name.slice(name.lastIndexOf('.') + 1);
  for (const event of events) {
    const short = simple(event);
    if (!words.has(short.toLowerCase())) continue;
    const table = await eventTable(recording, event);
    // what every chunk has, but no one can read: metadata and checkpoints
    if (table.columns.length === 0) continue;
    const path = join(directory, `${event}.parquet`);
    await writeParquet(path, table, { markUtc: false });
    const source = `SELECT * FROM read_parquet('${path.replaceAll("'", "''")}')`;
    const view = async (name: string): Promise<void> => {
      await connection.run(`CREATE VIEW ${name} AS ${source}`);
    };
    await view(`main.${quoted(event)}`);
    if (short === event) continue;
    // jdk.CPULoad without quotes is table CPULoad of schema jdk
    const schema = quoted(event.slice(0, event.lastIndexOf('.')));
    await connection.run(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
    await view(`${schema}.${quoted(short)}`);
    const namesakes = events.filter((name) => simple(name).toLowerCase() === short.toLowerCase());
    if (namesakes.length === 1) await view(`main.${quoted(short)}`);
  }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
