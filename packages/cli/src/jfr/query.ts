// SPDX-License-Identifier: Apache-2.0
import { Command } from 'commander';
import { printJson, printTable } from '../output.ts';
import { type QueryResult, query } from './duckdb.ts';
import { openInput } from './input.ts';

export function queryCommand(): Command {
  return new Command('query')
    .description('SQL over the events of a recording (needs the optional package DuckDB)')
    .argument('<sql>', 'statement; event types are tables: "jdk.CPULoad", jdk.CPULoad or CPULoad')
    .argument(
      '<file>',
      'recording (.jfr), may be packed (gzip, zstd, lz4, zip); - for standard input',
    )
    .option('--json', 'rows as JSON')
    .addHelpText(
      'after',
      '\nTimes are timestamps, durations nanoseconds; a stack trace is text with a line per frame, and\n' +
        'has its innermost method in "stackTrace.topMethod".\n' +
        '\nExample:\n' +
        '  rekindle jfr query \'SELECT "stackTrace.topMethod" AS method, count(*) AS samples\n' +
        "    FROM ExecutionSample GROUP BY method ORDER BY samples DESC LIMIT 10' run.jfr",
    )
    .action(async (sql: string, file: string, { json }: { json?: true }) => {
      const input = await openInput(file);
      try {
        const result = await query(input.recording, sql);
        if (json) printJson(objectsOf(result));
        else print(result);
      } finally {
        input.warnOfLosses();
        input.close();
      }
    });
}

function objectsOf({ columns, rows }: QueryResult): object[] {
  return rows.map((row) => Object.fromEntries(columns.map((name, index) => [name, row[index]])));
}

function print({ columns, rows }: QueryResult): void {
  const texts = rows.map((row) => row.map(textOf));
  const numeric = columns.flatMap((_, index) =>
    texts.length > 0 && texts.every((row) => /^$|^-?[\d.]+(e[+-]?\d+)?$/.test(row[index]!))
      ? [index]
      : [],
  );
  printTable(columns, texts, numeric);
}

/** On one line: the frames of a stack trace are parted by arrows to their callers. */
function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return text.replaceAll('\n', ' < ');
}
