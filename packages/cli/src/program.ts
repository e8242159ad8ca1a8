// SPDX-License-Identifier: Apache-2.0
// All commands, by commander.
import { Command, CommanderError } from 'commander';
import { COMMANDS } from './commands.ts';
import { printError } from './output.ts';

const VERSION = '0.1.0';

/** Runs the command line; its exit code. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  const program = new Command('rekindle')
    .description('Boot, snapshot and restore JVM microVMs, and see what the restore cost')
    .version(VERSION)
    .showHelpAfterError('(rekindle --help lists the commands)')
    .exitOverride();
  const entry = COMMANDS.find((command) => command.name === argv[0]);
  if (entry) program.addCommand(inherit(await entry.load(argv.slice(1))));
  else for (const { name, about } of COMMANDS) program.command(name).description(about);
  try {
    await program.parseAsync(argv.length === 0 ? ['--help'] : argv, { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    // Commander has printed its own message; a request for help is no failure.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    printError(error);
    return 1;
  }
}

/** Makes a command and all below it throw where commander would exit the process. */
function inherit(command: Command): Command {
  command.exitOverride().showHelpAfterError('(--help tells the usage)');
  for (const child of command.commands) inherit(child);
  return command;
}
