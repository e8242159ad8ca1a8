// SPDX-License-Identifier: Apache-2.0
import { openFileSource } from '@rekindle/bytes/node';
import { formatSummary, type Summary, summarizeWhole } from '@rekindle/jfr/summary';
import { Command } from 'commander';
import { FileError } from '../file-error.ts';
import { printJson } from '../output.ts';

export function summaryCommand(): Command {
  return new Command('summary')
    .description('General information about a recording, and its events by number')
    .argument('<file>', 'recording (.jfr)')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  rekindle jfr summary run.jfr')
    .action(async (file: string, { json }: { json?: true }) => {
      const summary = (await summaryOfWhole(file)) ?? (await salvagedSummary(file));
      if (!json) process.stdout.write(formatSummary(summary));
      else {
        const { version, chunks, startNanos, durationNanos, events } = summary;
        printJson({ version, chunks, startNanos, durationNanos, events });
      }
    });
}

async function summaryOfWhole(file: string): Promise<Summary | undefined> {
  const source = FileError.wrap(file, () => openFileSource(file));
  try {
    return await summarizeWhole(source);
  } finally {
    source.close();
  }
}

/** Of a damaged recording, with a warning. Only then the whole reader is loaded. */
async function salvagedSummary(file: string): Promise<Summary> {
  const { openInput } = await import('./input.ts');
  const input = await openInput(file);
  try {
    return await input.recording.summary();
  } finally {
    input.warnOfLosses();
    input.close();
  }
}
