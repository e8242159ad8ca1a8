// SPDX-License-Identifier: Apache-2.0
import { formatSummary } from '@rekindle/jfr';
import { Command } from 'commander';
import { printJson } from '../output.ts';
import { openInput } from './input.ts';

export function summaryCommand(): Command {
  return new Command('summary')
    .description('General information about a recording, and its events by number')
    .argument('<file>', 'recording (.jfr)')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  rekindle jfr summary run.jfr')
    .action(async (file: string, { json }: { json?: true }) => {
      const input = await openInput(file);
      try {
        const summary = await input.recording.summary();
        if (!json) process.stdout.write(formatSummary(summary));
        else {
          const { version, chunks, startNanos, durationNanos, events } = summary;
          printJson({ version, chunks, startNanos, durationNanos, events });
        }
      } finally {
        input.warnOfLosses();
        input.close();
      }
    });
}
