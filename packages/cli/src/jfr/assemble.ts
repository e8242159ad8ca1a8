// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type FileSource, openFileSource } from '@rekindle/bytes/node';
import { JfrError, joinRecordings, openRecording, repair } from '@rekindle/jfr';
import { Command } from 'commander';
import { FileError } from '../file-error.ts';
import { READ_WITH_LOSSES } from './losses.ts';
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
      const sources: FileSource[] = [];
      try {
        for (const path of chunks) sources.push(await openWhole(path));
        await writeFileAside(file, force ?? false, (sink) =>
          joinRecordings(sources, sink, { processes: 'one' }),
        );
      } finally {
        for (const source of sources) source.close();
      }
      process.stdout.write('\nFinished.\n');
    });
}

/** Opens a chunk file. What a writer that died left of one is completed first, in a file without name. */
async function openWhole(path: string): Promise<FileSource> {
  const source = FileError.wrap(path, () => openFileSource(path));
  try {
    await openRecording(source);
    return source;
  } catch (error) {
    if (!(error instanceof JfrError)) throw error;
    return await completed(path, source);
  }
}

async function completed(path: string, source: FileSource): Promise<FileSource> {
  const directory = mkdtempSync(join(tmpdir(), 'rekindle-'));
  try {
    const { chunks, events, losses } = await writeFileAside(
      join(directory, 'whole.jfr'),
      false,
      (sink) => repair(source, sink),
    );
    if (chunks === 0) {
      throw new FileError(path, 'EINVAL', 'not one readable chunk in it', 'move it elsewhere');
    }
    process.stderr.write(`note: ${path} was not finished: it has ${events} events\n`);
    if (losses.some(({ bytes }) => bytes > 0)) process.exitCode = READ_WITH_LOSSES;
    return openFileSource(join(directory, 'whole.jfr'));
  } finally {
    source.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
