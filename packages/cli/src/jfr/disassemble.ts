// SPDX-License-Identifier: Apache-2.0
import { statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { disassemble, openRecording, pieceNames } from '@rekindle/jfr';
import { Command, InvalidArgumentError } from 'commander';
import { FileError } from '../file-error.ts';
import { writeFileAside } from './output-file.ts';
import { openSource, plainName } from './source.ts';

interface DisassembleFlags {
  readonly output: string;
  readonly maxChunks?: number;
  readonly maxSize?: number;
  readonly force?: true;
}

const PIECE = 4 << 20;

function positive(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('must be at least 1.');
  return Number(text);
}

export function disassembleCommand(): Command {
  return new Command('disassemble')
    .description('Disassemble a recording into smaller files of whole chunks')
    .argument(
      '<file>',
      'recording (.jfr), may be packed (gzip, zstd, lz4, zip); - for standard input',
    )
    .option('--output <directory>', 'where the files go; it must exist', '.')
    .option('--max-chunks <chunks>', 'most chunks in a file (default 5)', positive)
    .option('--max-size <size>', 'most bytes in a file', positive)
    .option('--force', 'replace existing files')
    .addHelpText('after', '\nExample:\n  rekindle jfr disassemble --max-chunks 1 run.jfr')
    .action(async (file: string, flags: DisassembleFlags) => {
      if (!FileError.wrap(flags.output, () => statSync(flags.output)).isDirectory()) {
        throw new FileError(flags.output, 'ENOTDIR', 'is no directory', 'name one that exists');
      }
      const source = await openSource(file);
      try {
        const { places } = await openRecording(source);
        const pieces = disassemble(places, {
          ...(flags.maxChunks === undefined ? {} : { maxChunks: flags.maxChunks }),
          ...(flags.maxSize === undefined ? {} : { maxBytes: flags.maxSize }),
        });
        const names = pieceNames(basename(plainName(file)), pieces.length);
        for (const [index, { start, end }] of pieces.entries()) {
          const path = join(flags.output, names[index]!);
          await writeFileAside(path, flags.force ?? false, async (sink) => {
            for (let from = start; from < end; from += PIECE) {
              sink.append(source.slice(from, Math.min(end, from + PIECE)));
            }
          });
          process.stdout.write(`${path}\n`);
        }
      } finally {
        source.close();
      }
    });
}
