// SPDX-License-Identifier: Apache-2.0
import { flameGraph } from '@rekindle/jfr';
import { Command } from 'commander';
import { FileError } from '../file-error.ts';
import { openInput } from './input.ts';
import { writeFileAside } from './output-file.ts';
import { addStackOptions, type StackFlags, stacksOf } from './stack-options.ts';

interface FlameFlags extends StackFlags {
  readonly output: string;
  readonly title?: string;
  readonly force?: true;
}

export function flameCommand(): Command {
  const command = new Command('flame')
    .description('A flame graph of the stack traces of an event type, as one HTML file')
    .argument(
      '<file>',
      'recording (.jfr), may be packed (gzip, zstd, lz4, zip); - for standard input',
    );
  return addStackOptions(command)
    .option('-o, --output <file>', 'HTML file to write', 'flame.html')
    .option('--title <text>', 'heading (default: the event type)')
    .option('--force', 'replace an existing file')
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  rekindle jfr flame run.jfr -o cpu.html\n' +
        '  rekindle jfr flame run.jfr --event ObjectAllocationSample --weight weight -o alloc.html\n' +
        '  rekindle jfr flame run.jfr --event PageFault --by action,region --weight duration',
    )
    .action(async (file: string, flags: FlameFlags) => {
      const input = await openInput(file);
      try {
        const profile = await stacksOf(input.recording, flags);
        if (profile === undefined) {
          throw new FileError(
            file,
            'ENODATA',
            'no event has a stack trace',
            'choose an event type with --event, and fields of it with --by',
          );
        }
        const html = flameGraph(profile, flags.title === undefined ? {} : { title: flags.title });
        await writeFileAside(flags.output, flags.force ?? false, async (sink) =>
          sink.append(new TextEncoder().encode(html)),
        );
        const { stack, stacks, event } = profile;
        process.stdout.write(
          `${flags.output}: ${stack.length} ${event} events in ${stacks.length} distinct stacks\n`,
        );
      } finally {
        input.warnOfLosses();
        input.close();
      }
    });
}
