// SPDX-License-Identifier: Apache-2.0
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MicrovmError, vmDirectory } from '@rekindle/microvm';
import { Command } from 'commander';
import { printJson } from '../output.ts';
import { positive } from '../vm-options.ts';

interface LogsFlags {
  readonly vmm?: true;
  readonly follow?: true;
  readonly lines?: number;
  readonly json?: true;
}

/** What a guest prints on its console, or its VMM into its log. */
export function logsCommand(): Command {
  return new Command('logs')
    .description('The console of a VM')
    .argument('<name>', 'which; see rekindle ps')
    .option('--vmm', 'what the VMM itself printed')
    .option('-f, --follow', 'go on until the VM ends')
    .option('-n, --lines <n>', 'the last lines only', positive)
    .option('--json', 'the lines as a JSON array on stdout')
    .addHelpText('after', '\nExample:\n  rekindle logs shop --follow')
    .action(async (name: string, flags: LogsFlags) => {
      const path = join(vmDirectory(name), flags.vmm ? 'vmm.log' : 'console.log');
      if (!existsSync(path)) {
        throw new MicrovmError('VM_NOT_FOUND', `no VM named ${name} is running`, {
          place: path,
          hint: 'see which are: rekindle ps',
        });
      }
      const fd = openSync(path, 'r');
      try {
        const text = lastLines(readRest(fd), flags.lines);
        if (flags.json) return printJson(text.split('\n').filter((line) => line !== ''));
        process.stdout.write(text);
        // The descriptor outlives the file: what was written last is still there when the VM is gone.
        while (flags.follow) {
          const gone = !existsSync(path);
          process.stdout.write(readRest(fd));
          if (gone) break;
          await sleep(100);
        }
      } finally {
        closeSync(fd);
      }
    });
}

function readRest(fd: number): string {
  const chunks: Buffer[] = [];
  for (;;) {
    const buffer = Buffer.alloc(65_536);
    const bytes = readSync(fd, buffer);
    if (bytes === 0) return Buffer.concat(chunks).toString('utf8').replaceAll('\r', '');
    chunks.push(buffer.subarray(0, bytes));
  }
}

function lastLines(text: string, count: number | undefined): string {
  if (count === undefined) return text;
  const lines = text.replace(/\n$/, '').split('\n');
  return `${lines.slice(-count).join('\n')}\n`;
}
