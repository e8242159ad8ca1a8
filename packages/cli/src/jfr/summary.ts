// SPDX-License-Identifier: Apache-2.0
import { Command } from 'commander';
import { printSummary } from './print-summary.ts';

export function summaryCommand(): Command {
  return new Command('summary')
    .description('General information about a recording, and its events by number')
    .argument(
      '<file>',
      'recording (.jfr), may be packed (gzip, zstd, lz4, zip); - for standard input',
    )
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  rekindle jfr summary run.jfr')
    .action((file: string, { json }: { json?: true }) => printSummary(file, json === true));
}
