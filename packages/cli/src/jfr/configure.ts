// SPDX-License-Identifier: Apache-2.0
// The recorder, whose model of configurations this is, is loaded when the command runs: the other
// `jfr` commands start without it.
import { existsSync, readFileSync } from 'node:fs';
import type { Configuration, Settings } from '@rekindle/recorder';
import { Command } from 'commander';
import { FileError } from '../file-error.ts';
import { writeFileAside } from './output-file.ts';

interface ConfigureFlags {
  readonly input: string;
  readonly output: string;
  readonly list?: true;
  readonly verbose?: true;
  readonly force?: true;
}

export function configureCommand(): Command {
  return new Command('configure')
    .description('Write a configuration file (.jfc), which says what a recording records')
    .argument('[settings...]', 'option=value, event#setting=value, +event#setting=value (adds it)')
    .option('--input <files>', '.jfc files to start from, by commas; or none', 'default.jfc')
    .option('--output <file>', 'file to write', 'custom.jfc')
    .option('--list', 'print the options of the input and write nothing')
    .option('--verbose', 'print the settings that have changed')
    .option('--force', 'replace an existing file')
    .addHelpText(
      'after',
      '\nWhere there is no file of that name, default.jfc and profile.jfc are the configurations of\n' +
        '`rekindle record`. For a JVM start from a file of its JDK: lib/jfr/default.jfc.\n' +
        '\nExamples:\n' +
        '  rekindle jfr configure method-profiling=high --output high.jfc\n' +
        '  rekindle jfr configure --input $JAVA_HOME/lib/jfr/default.jfc gc=high --output gc.jfc\n' +
        '  rekindle jfr configure --input none +Hello#enabled=true --output minimal.jfc',
    )
    .action(async (assignments: readonly string[], flags: ConfigureFlags) => {
      const configuration = await read(flags.input);
      const before = configuration.settings;
      for (const assignment of assignments) apply(configuration, assignment);
      if (flags.list) {
        process.stdout.write(listOptions(configuration));
        return;
      }
      await writeFileAside(flags.output, flags.force ?? false, async (sink) =>
        sink.append(new TextEncoder().encode(configuration.toXml())),
      );
      if (flags.verbose) process.stdout.write(changes(before, configuration.settings));
      process.stdout.write(`${flags.output}\n`);
    });
}

function listOptions({ controls }: Configuration): string {
  return controls
    .map(({ name, kind, options, contentType, value }) => {
      const values =
        kind === 'flag'
          ? 'true|false'
          : kind === 'text'
            ? (contentType ?? 'text')
            : options.map((option) => option.name).join('|');
      return `${name}=<${values}>  (${value})\n`;
    })
    .join('');
}

async function read(input: string): Promise<Configuration> {
  const recorder = await import('@rekindle/recorder');
  const parts = input
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'none')
    .map((name) =>
      existsSync(name)
        ? new recorder.Configuration(FileError.wrap(name, () => readFileSync(name, 'utf8')))
        : recorder.findConfiguration(name),
    );
  return recorder.Configuration.merge('Custom', parts);
}

/** Settings that are timespans. */
const TIMESPANS: readonly string[] = ['period', 'threshold', 'cutoff'];

function apply(configuration: Configuration, assignment: string): void {
  // a setting's value may hold further equals signs
  const [, key = '', value = ''] = /^([^=]+)=(.*)$/s.exec(assignment) ?? [];
  if (key === '') {
    throw new FileError(assignment, 'EINVAL', 'is no setting', 'write option=value');
  }
  const isTimespan = key.includes('#')
    ? TIMESPANS.includes(key.slice(key.indexOf('#') + 1))
    : configuration.controls.some(
        ({ name, contentType }) => name === key && contentType === 'timespan',
      );
  configuration.set(key, isTimespan ? spaced(value) : value);
}

/** A timespan as files have it: a blank before the unit. */
function spaced(value: string): string {
  return value.replace(/^(\d+)(ns|us|ms|s|m|h|d)$/, '$1 $2');
}

function changes(before: Settings, after: Settings): string {
  const lines = Object.entries(after)
    .filter(([name, value]) => before[name] !== value)
    .map(([name, value]) => `"${name}=${value}"\n`)
    .sort();
  return lines.length === 0 ? 'no setting has changed\n' : `Setting:\n${lines.join('')}`;
}
