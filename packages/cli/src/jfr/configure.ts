// SPDX-License-Identifier: Apache-2.0
// The recorder, whose model of configurations this is, is loaded when the command runs: the other
// `jfr` commands start without it.
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { JfcDocument, JfcInput } from '@rekindle/recorder';
import { Command } from 'commander';
import { FileError } from '../file-error.ts';
import { Abort, askForConfiguration, type Dialogue } from './jfc-wizard.ts';
import { writeFileAside } from './output-file.ts';

interface ConfigureFlags {
  readonly interactive?: true;
  readonly input: string;
  readonly output?: string;
  readonly list?: true;
  readonly verbose?: true;
  readonly force?: true;
}

export function configureCommand(): Command {
  return new Command('configure')
    .description('Write a configuration file (.jfc), which says what a recording records')
    .argument('[settings...]', 'option=value, event#setting=value, +event#setting=value (adds it)')
    .option('--interactive', 'ask for the value of every option')
    .option('--input <files>', '.jfc files to start from, by commas; or none', 'default.jfc')
    .option('--output <file>', 'file to write (default: custom.jfc)')
    .option('--list', 'print the options of the input and write nothing')
    .option('--verbose', 'print the settings that are set')
    .option('--force', 'replace an existing file')
    .addHelpText(
      'after',
      '\nWhere there is no file of that name, default.jfc and profile.jfc are the configurations of\n' +
        '`rekindle record`. For a JVM start from a file of its JDK: lib/jfr/default.jfc.\n' +
        '\nExamples:\n' +
        '  rekindle jfr configure method-profiling=high --output high.jfc\n' +
        '  rekindle jfr configure --interactive --input $JAVA_HOME/lib/jfr/default.jfc\n' +
        '  rekindle jfr configure --input none +Hello#enabled=true --output minimal.jfc',
    )
    .action(async (assignments: readonly string[], flags: ConfigureFlags, command: Command) => {
      const { interactive, output, list } = flags;
      if (!interactive && !list && output === undefined && assignments.length === 0) {
        command.error('error: nothing to do: name a setting, --output, --interactive or --list', {
          exitCode: 2,
        });
      }
      const document = await read(flags.input);
      for (const assignment of assignments) {
        apply(document, assignment);
        if (flags.verbose && !assignment.includes('#')) sayChanges(document);
      }
      if (flags.verbose) sayChanges(document);
      if (list) process.stdout.write(listOptions(document));
      else await write(document, flags);
    });
}

async function write(document: JfcDocument, flags: ConfigureFlags): Promise<void> {
  const output = flags.output === undefined ? 'custom.jfc' : resolve(flags.output);
  if (!output.endsWith('.jfc')) {
    throw new FileError(output, 'EINVAL', 'does not end in .jfc', 'name it so');
  }
  const file = flags.interactive ? await converse(document, output, flags) : output;
  if (file === undefined) return say('Abort.');
  await writeFileAside(file, flags.force ?? false, async (sink) =>
    sink.append(new TextEncoder().encode(document.toString())),
  );
  say('Configuration written successfully to:');
  say(resolve(file));
}

/** Asks on the terminal, or whatever standard input is; undefined when the user aborts. */
async function converse(
  document: JfcDocument,
  output: string,
  { verbose }: ConfigureFlags,
): Promise<string | undefined> {
  const lines = createInterface({ input: process.stdin });
  const answers = lines[Symbol.asyncIterator]();
  const dialogue: Dialogue = {
    say,
    answer: async () => (await answers.next()).value as string | undefined,
  };
  try {
    return await askForConfiguration(document, output, dialogue, (input, value) => {
      document.setInput(input, value);
      if (verbose) sayChanges(document);
    });
  } catch (error) {
    if (error instanceof Abort) return undefined;
    throw error;
  } finally {
    lines.close();
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function listOptions({ inputs }: JfcDocument): string {
  return inputs.map((input) => `${input.attribute('name')}=<${valuesOf(input)}\n`).join('');
}

/** What an input takes and, in parentheses, what it is. */
function valuesOf(input: JfcInput): string {
  if (input.kind === 'flag') return `true|false>  (${input.content})`;
  if (input.kind === 'text') {
    return `${input.attributes.get('contentType') ?? 'text'}>  (${input.content || '""'})`;
  }
  const names = input.of('option').map((option) => option.attribute('name'));
  return `${names.join('|')}>  (${input.attribute('default')})`;
}

async function read(input: string): Promise<JfcDocument> {
  const recorder = await import('@rekindle/recorder');
  const document = new recorder.JfcDocument('Custom');
  const names = input
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'none');
  for (const name of names) {
    const text = existsSync(name)
      ? FileError.wrap(name, () => readFileSync(name, 'utf8'))
      : recorder.findConfiguration(name).toXml();
    for (const warning of document.add(text)) say(`Warning! ${warning}`);
  }
  return document;
}

function apply(document: JfcDocument, assignment: string): void {
  // a setting's value may hold further equals signs
  const [, key = '', value = ''] = /^([^=]+)=(.+)$/s.exec(assignment) ?? [];
  if (key === '') {
    throw new FileError(assignment, 'EINVAL', 'is no setting', 'write option=value');
  }
  document.configure(key, value);
}

function sayChanges(document: JfcDocument): void {
  const changes = document.takeChanges();
  if (changes.length === 0) return;
  const lines = changes.map(([name, value]) => `"${name}=${value}"\n`);
  process.stdout.write(`\nSetting:\n${lines.join('')}`);
}
