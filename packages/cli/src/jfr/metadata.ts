// SPDX-License-Identifier: Apache-2.0
import {
  categoryFilter,
  eventTypeFilter,
  everyFilter,
  formatMetadata,
  type TypeModel,
} from '@rekindle/jfr';
import { Command } from 'commander';
import { openInput } from './input.ts';

interface MetadataFlags {
  readonly categories?: string;
  readonly events?: string;
}

export function metadataCommand(): Command {
  return new Command('metadata')
    .description('The event types of a recording: labels, descriptions and fields')
    .argument(
      '<file>',
      'recording (.jfr), may be packed (gzip, zstd, lz4, zip); - for standard input',
    )
    .option('--categories <filter>', 'event types of categories: names or quoted glob patterns')
    .option(
      '--events <filter>',
      'event types by name, simple or qualified, or quoted glob patterns',
    )
    .addHelpText('after', '\nExample:\n  rekindle jfr metadata --events "Thread*" run.jfr')
    .action(async (file: string, { categories, events }: MetadataFlags) => {
      const input = await openInput(file);
      const filters = [
        ...(events === undefined ? [] : [eventTypeFilter(events)]),
        ...(categories === undefined ? [] : [categoryFilter(categories)]),
      ];
      try {
        const { recording } = input;
        const filter = filters.length === 0 ? undefined : everyFilter(filters);
        const chunks: TypeModel[] = [];
        for (const { index } of recording.places) chunks.push(await recording.types(index));
        process.stdout.write(formatMetadata(chunks, filter));
      } finally {
        input.warnOfLosses();
        input.close();
      }
    });
}
