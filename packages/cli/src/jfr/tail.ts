// SPDX-License-Identifier: Apache-2.0
import { eventTypeFilter } from '@rekindle/jfr';
import { Command } from 'commander';
import { followInput, printParts } from './follow-input.ts';

export function tailCommand(): Command {
  return new Command('tail')
    .description('Follow a recording, or a repository directory, while it is written')
    .argument('<file>', 'recording (.jfr) or repository directory')
    .option('--events <filter>', 'events by name, simple or qualified, or quoted glob patterns')
    .option('--from-start', 'begin with what is there already')
    .addHelpText(
      'after',
      '\nExample:\n  rekindle jfr tail --events "GC*" /tmp/2026_11_22_10_00_00_4711',
    )
    .action(async (file: string, flags: { events?: string; fromStart?: true }) => {
      const from = flags.fromStart ? undefined : BigInt(Date.now()) * 1_000_000n;
      const filter = flags.events === undefined ? undefined : eventTypeFilter(flags.events);
      await printParts(followInput(file, from), filter === undefined ? {} : { filter });
    });
}
