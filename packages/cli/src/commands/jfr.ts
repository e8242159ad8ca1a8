// SPDX-License-Identifier: Apache-2.0
import { Command } from 'commander';

/** Subcommands in the order of the help. A module is imported only when its command is asked for. */
const SUBCOMMANDS: readonly (readonly [name: string, load: () => Promise<Command>])[] = [
  ['summary', async () => (await import('../jfr/summary.ts')).summaryCommand()],
  ['print', async () => (await import('../jfr/print.ts')).printCommand()],
  ['metadata', async () => (await import('../jfr/metadata.ts')).metadataCommand()],
  ['view', async () => (await import('../jfr/view.ts')).viewCommand()],
  ['flame', async () => (await import('../jfr/flame.ts')).flameCommand()],
  ['export', async () => (await import('../jfr/export.ts')).exportCommand()],
  ['diff', async () => (await import('../jfr/diff.ts')).diffCommand()],
  ['query', async () => (await import('../jfr/query.ts')).queryCommand()],
  ['tail', async () => (await import('../jfr/tail.ts')).tailCommand()],
  ['scrub', async () => (await import('../jfr/scrub.ts')).scrubCommand()],
  ['assemble', async () => (await import('../jfr/assemble.ts')).assembleCommand()],
  ['disassemble', async () => (await import('../jfr/disassemble.ts')).disassembleCommand()],
  ['repair', async () => (await import('../jfr/repair.ts')).repairCommand()],
  ['configure', async () => (await import('../jfr/configure.ts')).configureCommand()],
];

/** With the subcommand that the arguments begin with; with all of them where it is none of them. */
export async function jfrCommand(args: readonly string[]): Promise<Command> {
  const command = new Command('jfr')
    .description('Flight recordings: look into them, convert and mend them; no JDK needed')
    .addHelpText('after', '\nExample:\n  rekindle jfr summary demo/run-ondemand.jfr');
  const asked = SUBCOMMANDS.filter(([name]) => name === args[0]);
  for (const [, load] of asked.length > 0 ? asked : SUBCOMMANDS) {
    command.addCommand(await load());
  }
  return command;
}
