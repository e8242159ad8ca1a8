// SPDX-License-Identifier: Apache-2.0
import { basename } from 'node:path';
import {
  compareRuns,
  loadRun,
  ownersOfFaults,
  type Run,
  summarize,
  summaryTable,
  type Table,
  toObjects,
  type Unit,
} from '@rekindle/analysis';
import { Command } from 'commander';
import { openInput } from '../jfr/input.ts';
import { formatBytes, formatMillis, printJson, printTable } from '../output.ts';

interface ReportFlags {
  readonly compare?: true;
  readonly json?: true;
}

export function reportCommand(): Command {
  return new Command('report')
    .description('What restores cost, and whose pages they brought back')
    .argument('<runs...>', 'recordings of restores')
    .option('--compare', 'the runs after the first against the first, by owner')
    .option('--json', 'the same as JSON: nanoseconds, bytes and pages')
    .addHelpText(
      'after',
      '\nExample:\n  rekindle report --compare demo/run-ondemand.jfr demo/run-prefetch.jfr',
    )
    .action(async (paths: string[], flags: ReportFlags, command: Command) => {
      if (flags.compare && paths.length < 2)
        command.error('error: --compare wants two runs or more');
      const runs: Run[] = [];
      for (const path of paths) runs.push(await readRun(path));
      const [first, ...others] = runs as [Run, ...Run[]];
      const comparisons = flags.compare ? others.map((other) => compareRuns(first, other)) : [];
      if (flags.json) {
        printJson({
          runs: runs.map((run) => ({
            ...summarize(run),
            owners: run.memory === undefined ? null : toObjects(ownersOfFaults(run)),
          })),
          ...(flags.compare ? { comparisons: comparisons.map(toObjects) } : {}),
        });
        return;
      }
      printSummary(runs);
      if (flags.compare) comparisons.forEach(printAnswer);
      else runs.forEach(printOwners);
    });
}

async function readRun(path: string): Promise<Run> {
  const input = await openInput(path);
  try {
    const run = await loadRun(input.recording, { name: basename(path) });
    input.warnOfLosses();
    if (run.unrecorded > 0) {
      process.stderr.write(
        `warning: ${path} holds ${run.unrecorded} faults fewer than the pager served\n`,
      );
    }
    return run;
  } finally {
    input.close();
  }
}

function printOwners(run: Run): void {
  if (run.memory !== undefined) printAnswer(ownersOfFaults(run));
  else process.stdout.write(`\n${run.name} holds no memory capture: owners are not known\n`);
}

/** Figures that are worth a line only when they are not 0. */
const RARE: readonly string[] = ['unrecorded', 'raced'];

/** Runs as columns and figures as rows: runs are few, figures are many. */
function printSummary(runs: readonly Run[]): void {
  const { columns } = summaryTable(runs);
  const { name, ...figures } = columns;
  const rows = Object.entries(figures)
    .filter(([figure, { values }]) => !RARE.includes(figure) || values.some((value) => value > 0))
    .map(([, { label, unit, values }]) => [
      label,
      ...runs.map((_, run) => cell(unit, values[run])),
    ]);
  printTable(
    ['', ...name.values],
    rows,
    runs.map((_, run) => run + 1),
  );
}

function printAnswer(answer: Table): void {
  process.stdout.write(`\n${answer.title}\n\n`);
  const columns = Object.values(answer.columns);
  printTable(
    columns.map(({ label }) => label),
    Array.from({ length: answer.rows }, (_, row) =>
      columns.map(({ unit, values }) => cell(unit, values[row])),
    ),
    columns.flatMap(({ unit }, i) => (unit === 'text' ? [] : [i])),
  );
}

function cell(unit: Unit, value: number | string | undefined): string {
  if (typeof value !== 'number') return value ?? '';
  switch (unit) {
    case 'ns':
      if (value < 0) return '-';
      return value < 1e6 ? `${(value / 1e3).toFixed(1)} µs` : formatMillis(value / 1e6);
    case 'bytes':
      return formatBytes(value);
    case 'ratio':
      return Number.isNaN(value) ? '-' : value.toFixed(3);
    case 'address':
      return `0x${value.toString(16)}`;
    default:
      return value.toLocaleString('en-US');
  }
}
