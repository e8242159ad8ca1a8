// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path';
import {
  categoryFilter,
  type EventTypeFilter,
  eventTypeFilter,
  type ScrubFilter,
  scrub,
  threadNameFilter,
} from '@rekindle/jfr';
import { Command } from 'commander';
import { FileError } from '../file-error.ts';
import { writeFileAside } from './output-file.ts';
import { openSource, plainName } from './source.ts';

interface ScrubFlags {
  readonly includeEvents?: string;
  readonly excludeEvents?: string;
  readonly includeCategories?: string;
  readonly excludeCategories?: string;
  readonly includeThreads?: string;
  readonly excludeThreads?: string;
  readonly force?: true;
}

export function scrubCommand(): Command {
  return new Command('scrub')
    .description('Remove events, and the constants that only they use, from a recording')
    .argument(
      '<input-file>',
      'recording (.jfr), may be packed (gzip, zstd, lz4, zip); - for standard input',
    )
    .argument('[output-file]', 'default: the input name with -scrubbed')
    .option('--include-events <filter>', 'keep events by name')
    .option('--exclude-events <filter>', 'remove events by name')
    .option('--include-categories <filter>', 'keep events by category')
    .option('--exclude-categories <filter>', 'remove events by category')
    .option('--include-threads <filter>', 'keep events by thread name')
    .option('--exclude-threads <filter>', 'remove events by thread name')
    .option('--force', 'replace an existing file')
    .addHelpText(
      'after',
      '\nExample:\n  rekindle jfr scrub --exclude-events InitialEnvironmentVariable run.jfr no-secrets.jfr',
    )
    .action(async (input: string, output: string | undefined, flags: ScrubFlags) => {
      const to = output ?? `${plainName(input).replace(/\.jfr$/, '')}-scrubbed.jfr`;
      if (resolve(to) === resolve(input)) {
        throw new FileError(
          to,
          'EINVAL',
          "output file can't be same as input file",
          'name another',
        );
      }
      const source = await openSource(input);
      try {
        const counts = await writeFileAside(to, flags.force ?? false, (sink) =>
          scrub(source, sink, filterOf(flags)),
        );
        process.stdout.write(`Scrubbed recording file written to:\n${resolve(to)}\n`);
        const removed = counts
          .filter((count) => count.removed > 0)
          .sort((a, b) => (a.type < b.type ? -1 : 1));
        if (removed.length === 0) process.stdout.write('No events removed.\n');
        else process.stdout.write('Removed events:\n');
        const width = Math.max(...removed.map(({ type }) => type.length));
        const share = Math.max(...removed.map((row) => `${row.removed}/${row.events}`.length));
        for (const { type, events, removed: gone } of removed) {
          const line = `${type.padEnd(width)} ${`${gone}/${events}`.padStart(share)}`;
          process.stdout.write(`${line}\n`);
        }
      } finally {
        source.close();
      }
    });
}

const not =
  (filter: EventTypeFilter): EventTypeFilter =>
  (type) =>
    !filter(type);

function filterOf(flags: ScrubFlags): ScrubFilter {
  const events: EventTypeFilter[] = [];
  if (flags.includeEvents !== undefined) events.push(eventTypeFilter(flags.includeEvents));
  if (flags.excludeEvents !== undefined) events.push(not(eventTypeFilter(flags.excludeEvents)));
  if (flags.includeCategories !== undefined) events.push(categoryFilter(flags.includeCategories));
  if (flags.excludeCategories !== undefined) {
    events.push(not(categoryFilter(flags.excludeCategories)));
  }
  const { includeThreads, excludeThreads } = flags;
  const included = includeThreads === undefined ? undefined : threadNameFilter(includeThreads);
  const excluded = excludeThreads === undefined ? undefined : threadNameFilter(excludeThreads);
  return {
    event: (type) => events.every((filter) => filter(type)),
    ...(included || excluded
      ? {
          thread: (thread) => {
            const name = thread?.javaName;
            const known = typeof name === 'string' ? name : undefined;
            if (included && (known === undefined || !included(known))) return false;
            return !(excluded && known !== undefined && excluded(known));
          },
        }
      : {}),
  };
}
