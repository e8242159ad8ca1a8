// SPDX-License-Identifier: Apache-2.0
import { compactMemory } from '@rekindle/pager';
import { Command, InvalidArgumentError } from 'commander';
import { formatBytes, printJson } from '../output.ts';
import { serveCommand } from './pager-serve.ts';

function level(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 19) {
    throw new InvalidArgumentError('must be a whole number from 1 to 19.');
  }
  return value;
}

function compactCommand(): Command {
  return new Command('compact')
    .description('Store a memory file compressed: zero pages not at all, equal pages once')
    .argument('<memory>', 'memory file of a snapshot')
    .argument('<output>', 'where to; any pager can serve it, from a web server too')
    .option('--level <level>', 'zstd level', level, 3)
    .option('--json', 'what it saved, as JSON on stdout')
    .addHelpText('after', '\nExample:\n  rekindle pager compact snapshot/memory memory.compact')
    .action(async (memory: string, output: string, flags: { level: number; json?: true }) => {
      const result = compactMemory(memory, output, flags.level);
      if (flags.json) return printJson(result);
      const pages = (count: number): string => count.toLocaleString('en');
      process.stdout.write(
        `${output}: ${formatBytes(result.fileBytes)} of ${formatBytes(result.memoryBytes)}; ` +
          `${pages(result.zeroPages)} zero pages, ${pages(result.duplicatePages)} equal to another, ` +
          `${pages(result.storedPages)} stored\n`,
      );
    });
}

/** `rekindle pager`. */
export function pagerCommand(): Command {
  return new Command('pager')
    .description('Page-fault handler for any VMM that speaks Firecracker’s handshake')
    .addCommand(serveCommand())
    .addCommand(compactCommand())
    .addHelpText(
      'after',
      '\nExample:\n  rekindle pager serve --socket /tmp/uffd.sock --memory snapshot/memory',
    );
}
