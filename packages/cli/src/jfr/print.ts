// SPDX-License-Identifier: Apache-2.0
import {
  type Chunk,
  type ClassType,
  categoryFilter,
  type EventTypeFilter,
  eventTypeFilter,
  everyFilter,
  printEvents,
  type Recording,
} from '@rekindle/jfr';
import { Command, InvalidArgumentError, Option } from 'commander';
import { writeOut } from '../output.ts';
import { followInput, printParts } from './follow-input.ts';
import { openInput } from './input.ts';
import { tellOfEvent } from './losses.ts';

interface PrintFlags {
  readonly xml?: true;
  readonly json?: true;
  readonly exact?: true;
  readonly categories?: string;
  readonly events?: string;
  readonly stackDepth: number;
  readonly follow?: true;
}

function depth(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('must be zero or a positive integer.');
  return Number(text);
}

export function printCommand(): Command {
  return new Command('print')
    .description('Print the events of a recording')
    .argument(
      '<file>',
      'recording (.jfr), may be packed (gzip, zstd, lz4, zip); - for standard input',
    )
    .addOption(new Option('--xml', 'as XML').conflicts(['json', 'exact']))
    .addOption(new Option('--json', 'as JSON').conflicts(['xml', 'exact']))
    .addOption(
      new Option('--exact', 'numbers and times in full precision').conflicts(['xml', 'json']),
    )
    .option('--categories <filter>', 'events of categories: names or quoted glob patterns')
    .option('--events <filter>', 'events by name, simple or qualified, or quoted glob patterns')
    .option('--stack-depth <depth>', 'frames of a stack trace', depth, 5)
    .addOption(
      new Option('--follow', 'go on while the file, or repository, is written').conflicts([
        'json',
        'xml',
      ]),
    )
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  rekindle jfr print --events CPULoad,GarbageCollection run.jfr\n' +
        '  rekindle jfr print --follow --events GarbageCollection /tmp/2026_11_22_10_00_00_4711',
    )
    .action(async (file: string, flags: PrintFlags) => {
      const filter = everyFilter(filters(flags));
      const options = {
        stackDepth: flags.stackDepth,
        exact: flags.exact ?? false,
        filter,
        onDamage: tellOfEvent,
      };
      if (flags.follow) return await printParts(followInput(file), options);
      const input = await openInput(file);
      try {
        const format = flags.json ? 'json' : flags.xml ? 'xml' : 'text';
        const { recording } = input;
        const all = flags.events === undefined && flags.categories === undefined;
        const chunks = all ? recording.chunks() : chunksOf(recording, filter);
        await printEvents(chunks, { ...options, format }, writeOut);
      } finally {
        input.warnOfLosses();
        input.close();
      }
    });
}

/** The chunks with the events that are printed, and those that are shown inside others (`@Contextual`). */
async function* chunksOf(recording: Recording, filter: EventTypeFilter): AsyncGenerator<Chunk> {
  const isContext = ({ fields }: ClassType): boolean =>
    fields.some(({ annotations }) =>
      annotations.some(({ typeName }) => typeName === 'jdk.jfr.Contextual'),
    );
  for (const { index } of recording.places) {
    const { classes } = await recording.types(index);
    const wanted = classes.filter((type) => type.event && (filter(type) || isContext(type)));
    yield await recording.chunk(
      index,
      wanted.map(({ name }) => name),
    );
  }
}

function filters({ events, categories }: PrintFlags): EventTypeFilter[] {
  return [
    ...(events === undefined ? [] : [eventTypeFilter(events)]),
    ...(categories === undefined ? [] : [categoryFilter(categories)]),
  ];
}
