// SPDX-License-Identifier: Apache-2.0
import { attachVm, listRecords } from '@rekindle/microvm';
import { Command } from 'commander';
import { printJson } from '../output.ts';

/** Ending VMs, whoever owns them. */
export function killCommand(): Command {
  return new Command('kill')
    .description('End VMs at once')
    .argument('[names...]', 'which; see rekindle ps')
    .option('--all', 'every VM of this user')
    .option('--json', 'their names as JSON on stdout')
    .addHelpText('after', '\nExample:\n  rekindle kill shop')
    .action(async (given: string[], flags: { all?: true; json?: true }, command: Command) => {
      const names = flags.all ? listRecords().map(({ name }) => name) : given;
      if (names.length === 0 && !flags.all) command.error('error: name a VM, or give --all');
      for (const name of names) {
        const { machine, detach } = await attachVm(name);
        await machine.kill();
        detach();
        if (!flags.json) process.stdout.write(`${name}\n`);
      }
      if (flags.json) printJson(names);
    });
}
