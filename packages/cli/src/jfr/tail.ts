// SPDX-License-Identifier: Apache-2.0
import { statSync } from 'node:fs';
import { eventTypeFilter, printEvents } from '@rekindle/jfr';
import { followRecording, followRepository } from '@rekindle/jfr/node';
import { Command } from 'commander';
import { FileError } from '../file-error.ts';
import { writeOut } from '../output.ts';

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
      const isDirectory = FileError.wrap(file, () => statSync(file)).isDirectory();
      const abort = new AbortController();
      process.once('SIGINT', () => abort.abort());
      const options = {
        signal: abort.signal,
        ...(flags.fromStart ? {} : { from: BigInt(Date.now()) * 1_000_000n }),
      };
      const parts = isDirectory ? followRepository(file, options) : followRecording(file, options);
      const filter = flags.events === undefined ? undefined : eventTypeFilter(flags.events);
      for await (const part of parts) {
        await printEvents([part], { format: 'text', ...(filter ? { filter } : {}) }, writeOut);
      }
    });
}
