// SPDX-License-Identifier: Apache-2.0
import { readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { openFileSource } from '@rekindle/bytes/node';
import { joinRecordings } from '@rekindle/jfr';
import { Command } from 'commander';
import { FileError } from '../file-error.ts';
import { writeFileAside } from './output-file.ts';

export function assembleCommand(): Command {
  return new Command('assemble')
    .description('Assemble leftover chunks from a disk repository into a recording')
    .argument('<repository>', 'directory of the repository')
    .argument('<file>', 'recording (.jfr) to make')
    .option('--force', 'replace an existing file')
    .addHelpText(
      'after',
      '\nExample:\n  rekindle jfr assemble /tmp/2026_11_22_10_00_00_4711 whole.jfr',
    )
    .action(async (repository: string, file: string, { force }: { force?: true }) => {
      const chunks = FileError.wrap(repository, () =>
        readdirSync(repository)
          .filter((name) => name.endsWith('.jfr'))
          .sort()
          .map((name) => join(resolve(repository), name))
          .filter((path) => statSync(path).size > 0),
      );
      if (chunks.length === 0) {
        throw new FileError(repository, 'ENOENT', 'no *.jfr files in it', 'name a repository');
      }
      process.stdout.write(
        `\nAssembling files... \n\n${chunks.map((path) => ` ${path}\n`).join('')}`,
      );
      const sources = chunks.map((path) => openFileSource(path));
      try {
        await writeFileAside(file, force ?? false, (sink) =>
          joinRecordings(sources, sink, { processes: 'one' }),
        );
      } finally {
        for (const source of sources) source.close();
      }
      process.stdout.write('\nFinished.\n');
    });
}
