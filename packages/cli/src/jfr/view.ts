// SPDX-License-Identifier: Apache-2.0
import { chunksForView, formatTypes, formatView, inColumns, VIEWS } from '@rekindle/jfr';
import { Command, InvalidArgumentError, Option } from 'commander';
import { openInput } from './input.ts';

interface ViewFlags {
  readonly verbose?: true;
  readonly width?: number;
  readonly truncate?: 'beginning' | 'end';
  readonly cellHeight?: number;
}

function whole(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('must be a positive integer.');
  return Number(text);
}

const GROUPS = [
  ['Java virtual machine views', 'jvm'],
  ['Environment views', 'environment'],
  ['Application views', 'application'],
] as const;

function listViews(): string {
  return GROUPS.map(([title, group]) => {
    const names = VIEWS.filter((view) => view.group === group).map(({ name }) => name);
    return `\n${title}:\n${inColumns(names, 3)}\n`;
  }).join('');
}

export function viewCommand(): Command {
  return new Command('view')
    .description('Events in a table or form: a view, an event type, types, all-views, all-events')
    .argument('<view>', 'name of a view or of an event type')
    .argument(
      '<file>',
      'recording (.jfr), may be packed (gzip, zstd, lz4, zip); - for standard input',
    )
    .option('--verbose', 'field names under the headings')
    .option('--width <integer>', 'width of the output in characters', whole)
    .addOption(
      new Option('--truncate <mode>', 'which end of a long text to keep out').choices([
        'beginning',
        'end',
      ]),
    )
    .option('--cell-height <integer>', 'most lines of a cell', whole)
    .addHelpText('after', `${listViews()}\nExample:\n  rekindle jfr view hot-methods run.jfr`)
    .action(async (view: string, file: string, flags: ViewFlags) => {
      const input = await openInput(file);
      try {
        const { recording } = input;
        const text =
          view === 'types'
            ? await formatTypes(recording.chunks())
            : await formatView(await chunksForView(recording, view), view, {
                ...flags,
                names: flags.verbose,
              });
        process.stdout.write(text);
      } finally {
        input.warnOfLosses();
        input.close();
      }
    });
}
