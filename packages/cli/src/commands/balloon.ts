// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import { attachVm, type MachineStats } from '@rekindle/microvm';
import { Command } from 'commander';
import { formatBytes, printJson } from '../output.ts';
import { MIB, positive } from '../vm-options.ts';

/** Memory taken from a guest and given back to it. */
export function balloonCommand(): Command {
  return new Command('balloon')
    .description('How much memory a guest may use')
    .addHelpText('after', '\nExample:\n  rekindle balloon set shop 256')
    .addCommand(
      new Command('get')
        .description('The memory a guest has now')
        .argument('<name>', 'which VM; see rekindle ps')
        .option('--json', 'as JSON on stdout')
        .addHelpText('after', '\nExample:\n  rekindle balloon get shop')
        .action(async (name: string, flags: { json?: true }) => {
          const { machine, detach } = await attachVm(name);
          const stats = await machine.stats();
          detach();
          print(stats, flags);
        }),
    )
    .addCommand(
      new Command('set')
        .description('Ask a guest to give memory back until so much is left to it')
        .argument('<name>', 'which VM; see rekindle ps')
        .argument('<MiB>', 'what is left to the guest', positive)
        .option('--wait <seconds>', 'how long to wait for the guest', positive, 10)
        .option('--json', 'what it has then, as JSON on stdout')
        .addHelpText('after', '\nExample:\n  rekindle balloon set shop 384')
        .action(async (name: string, mib: number, flags: { wait: number; json?: true }) => {
          const { machine, detach } = await attachVm(name);
          try {
            await machine.setBalloon(mib * MIB);
            const deadline = Date.now() + flags.wait * 1000;
            let stats = await machine.stats();
            while (stats.memoryBytes !== mib * MIB && Date.now() < deadline) {
              await sleep(50);
              stats = await machine.stats();
            }
            print(stats, flags);
            if (stats.memoryBytes !== mib * MIB) {
              throw Object.assign(
                new Error(`the guest has ${formatBytes(stats.memoryBytes)} after ${flags.wait} s`),
                { hint: 'it uses its memory, or has no balloon driver' },
              );
            }
          } finally {
            detach();
          }
        }),
    );
}

function print(stats: MachineStats, flags: { json?: true }): void {
  if (flags.json) {
    printJson(stats);
    return;
  }
  process.stdout.write(
    `${formatBytes(stats.memoryBytes)} for the guest, ${formatBytes(stats.residentBytes)} resident on the host\n`,
  );
}
