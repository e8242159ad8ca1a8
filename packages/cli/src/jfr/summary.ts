// SPDX-License-Identifier: Apache-2.0
import type { FileSource } from '@rekindle/bytes/node';
import { formatSummary, type Summary, summarizeWhole } from '@rekindle/jfr/summary';
import { Command } from 'commander';
import { printJson } from '../output.ts';
import { openSource } from './source.ts';

export function summaryCommand(): Command {
  return new Command('summary')
    .description('General information about a recording, and its events by number')
    .argument(
      '<file>',
      'recording (.jfr), may be packed (gzip, zstd, lz4, zip); - for standard input',
    )
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  rekindle jfr summary run.jfr')
    .action(async (file: string, { json }: { json?: true }) => {
      const summary = await summaryOf(file);
      if (!json) process.stdout.write(formatSummary(summary));
      else {
        const { version, chunks, startNanos, durationNanos, events } = summary;
        printJson({ version, chunks, startNanos, durationNanos, events });
      }
    });
}

async function summaryOf(file: string): Promise<Summary> {
  const source = await openSource(file);
  try {
    return (await summarizeWhole(source)) ?? (await salvagedSummary(file, source));
  } finally {
    source.close();
  }
}

/** Of a damaged recording, with a warning. Only then the whole reader is loaded. */
async function salvagedSummary(file: string, source: FileSource): Promise<Summary> {
  const { inputOf } = await import('./input.ts');
  const input = await inputOf(file, source);
  try {
    return await input.recording.summary();
  } finally {
    input.warnOfLosses();
  }
}
