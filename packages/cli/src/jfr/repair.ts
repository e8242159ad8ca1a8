// SPDX-License-Identifier: Apache-2.0
import { repair } from '@rekindle/jfr';
import { Command } from 'commander';
import { FileError } from '../file-error.ts';
import { printJson } from '../output.ts';
import { writeFileAside } from './output-file.ts';
import { openSource } from './source.ts';

export function repairCommand(): Command {
  return new Command('repair')
    .description('Write what is whole of a damaged recording to a new file that the JDK reads')
    .argument(
      '<in>',
      'damaged recording, may be packed (gzip, zstd, lz4, zip); - for standard input',
    )
    .argument('<out>', 'recording (.jfr) to make')
    .option('--force', 'replace an existing file')
    .option('--json', 'what was kept and lost, as JSON')
    .addHelpText('after', '\nExample:\n  rekindle jfr repair torn.jfr whole.jfr')
    .action(async (from: string, to: string, flags: { force?: true; json?: true }) => {
      const source = await openSource(from);
      try {
        const result = await writeFileAside(to, flags.force ?? false, async (sink) => {
          const repaired = await repair(source, sink);
          if (repaired.chunks > 0) return repaired;
          throw new FileError(from, 'EINVAL', 'not one readable chunk in it', 'is it a recording?');
        });
        if (flags.json) return printJson(result);
        const { chunks, events, losses } = result;
        process.stdout.write(`${to}: ${events} events in ${chunks} chunks\n`);
        for (const { chunk, offset, bytes, what, reason } of losses) {
          process.stdout.write(
            `lost: chunk ${chunk}, offset ${offset}, ${bytes} bytes: ${what}: ${reason}\n`,
          );
        }
        if (losses.length === 0) process.stdout.write('there was no damage\n');
      } finally {
        source.close();
      }
    });
}
