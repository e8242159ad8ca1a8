// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import {
  chromeTrace,
  collapsedStacks,
  eventTable,
  eventTypeFilter,
  eventTypesOf,
  firefoxProfile,
  pprofProfile,
  type Recording,
  type StackProfile,
} from '@rekindle/jfr';
import { Command, Option } from 'commander';
import { FileError } from '../file-error.ts';
import { openInput } from './input.ts';
import { writeFileAside } from './output-file.ts';
import { writeParquet } from './parquet.ts';
import { addStackOptions, type StackFlags, stacksOf } from './stack-options.ts';

interface ExportFlags extends StackFlags {
  readonly format: 'collapsed' | 'pprof' | 'firefox' | 'trace' | 'parquet';
  readonly output: string;
  readonly events?: string;
  readonly force?: true;
}

export function exportCommand(): Command {
  const command = new Command('export')
    .description('A recording in the format of another tool')
    .argument(
      '<file>',
      'recording (.jfr), may be packed (gzip, zstd, lz4, zip); - for standard input',
    )
    .addOption(
      new Option('--format <format>', 'what to write')
        .choices(['collapsed', 'pprof', 'firefox', 'trace', 'parquet'])
        .makeOptionMandatory(),
    )
    .requiredOption(
      '-o, --output <path>',
      'file to write; for parquet a directory, or one .parquet',
    )
    .option(
      '--events <filter>',
      'trace, parquet, markers of firefox: event types by name, or quoted glob patterns',
    )
    .option('--force', 'replace existing files');
  return addStackOptions(command)
    .addHelpText(
      'after',
      '\ncollapsed, pprof and firefox take the stacks of one event type (--event, --weight, --by).\n' +
        '\nExamples:\n' +
        '  rekindle jfr export run.jfr --format pprof -o cpu.pb.gz      go tool pprof cpu.pb.gz\n' +
        '  rekindle jfr export run.jfr --format firefox -o run.json     profiler.firefox.com\n' +
        '  rekindle jfr export run.jfr --format trace -o trace.json     ui.perfetto.dev\n' +
        '  rekindle jfr export run.jfr --format parquet -o tables/',
    )
    .action(async (file: string, flags: ExportFlags) => {
      const input = await openInput(file);
      try {
        const { recording } = input;
        if (flags.format === 'parquet') await exportParquet(recording, flags);
        else await exportFile(file, recording, flags);
      } finally {
        input.warnOfLosses();
        input.close();
      }
    });
}

async function exportFile(file: string, recording: Recording, flags: ExportFlags): Promise<void> {
  // read before the file is begun: a wrong name leaves nothing behind
  const profile = flags.format === 'trace' ? undefined : await stacksOf(recording, flags);
  await writeFileAside(flags.output, flags.force ?? false, async (sink) => {
    const text = (part: string): void => sink.append(new TextEncoder().encode(part));
    switch (flags.format) {
      case 'collapsed':
        return text(collapsedStacks(needed(file, profile)));
      case 'pprof':
        return sink.append(gzipSync(pprofProfile(needed(file, profile))));
      case 'firefox':
        return text(jsonFor(flags, await firefoxProfile(recording, profile, selected(flags))));
      default:
        for await (const part of chromeTrace(recording, selected(flags))) text(part);
    }
  });
  process.stdout.write(`${flags.output}\n`);
}

/** Throws where the text would be longer than a string can be: half a gibibyte. */
function jsonFor({ output }: ExportFlags, profile: object): string {
  try {
    return JSON.stringify(profile);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new FileError(
      output,
      'E2BIG',
      'more than 512 MiB of JSON, which the Firefox Profiler could not open either',
      'take fewer event types with --events, a part of the recording (rekindle jfr disassemble), or --format trace',
    );
  }
}

function needed(file: string, profile: StackProfile | undefined): StackProfile {
  if (profile !== undefined) return profile;
  throw new FileError(
    file,
    'ENODATA',
    'no event has a stack trace',
    'choose an event type with --event, and fields of it with --by',
  );
}

function selected({ events }: ExportFlags): ReturnType<typeof eventTypeFilter> | undefined {
  return events === undefined ? undefined : eventTypeFilter(events);
}

/** Every type that has events into a directory; into one file where its name ends in .parquet. */
async function exportParquet(recording: Recording, flags: ExportFlags): Promise<void> {
  const names = await typesWithEvents(recording, flags);
  const single = flags.output.endsWith('.parquet');
  if (single && names.length !== 1) {
    throw new FileError(
      flags.output,
      'EINVAL',
      `one file for ${names.length} event types`,
      'choose one with --events, or name a directory',
    );
  }
  if (!single) FileError.wrap(flags.output, () => mkdirSync(flags.output, { recursive: true }));
  for (const name of names) {
    const path = single ? flags.output : join(flags.output, `${name}.parquet`);
    if (flags.force !== true && existsSync(path)) {
      throw new FileError(path, 'EEXIST', 'exists already', 'choose another name, or add --force');
    }
    const table = await eventTable(recording, name);
    await writeParquet(path, table);
    process.stdout.write(`${path}: ${table.length} rows\n`);
  }
}

async function typesWithEvents(recording: Recording, flags: ExportFlags): Promise<string[]> {
  const filter = selected(flags);
  const types = await eventTypesOf(recording);
  const wanted = (name: string): boolean => {
    const type = types.get(name);
    return type !== undefined && (filter?.(type) ?? true);
  };
  return (await recording.summary()).events
    .filter(({ name, count }) => count > 0 && wanted(name))
    .map(({ name }) => name);
}
