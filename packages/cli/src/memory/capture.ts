// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { attachVm, MicrovmError } from '@rekindle/microvm';
import { Command } from 'commander';
import { FileError } from '../file-error.ts';
import { type Capture, captureGuest } from '../guest-capture.ts';
import { Progress, printJson } from '../output.ts';
import { writeCaptureFile } from './capture-file.ts';
import { memoryFigures, printMemory } from './figures.ts';

interface CaptureFlags {
  readonly output?: string;
  readonly texts?: string;
  readonly json?: true;
}

export function captureCommand(): Command {
  return new Command('capture')
    .description('Ask a running guest who owns which page')
    .argument('<name>', 'name of a running VM')
    .option('-o, --output <file>', 'write the answer as a recording (.jfr)')
    .option('--texts <directory>', "keep the guest's own texts, as fireCRaCer's tools read them")
    .option('--json', 'the figures as JSON')
    .addHelpText('after', '\nExample:\n  rekindle memory capture shop --output owners.jfr')
    .action(async (name: string, flags: CaptureFlags) => {
      const progress = new Progress();
      const attached = await attachVm(name);
      try {
        const { agent } = attached.machine;
        if (agent === undefined) {
          throw new MicrovmError('BAD_SPEC', `VM ${name} has no channel to a guest agent`, {
            place: name,
            hint: 'boot an image of rekindle image build',
          });
        }
        progress.start('asking the guest');
        const capture = await captureGuest(agent).catch((error: unknown) => {
          progress.stop();
          throw error;
        });
        progress.done();
        reportUnknown(capture);
        if (flags.texts !== undefined) writeTexts(flags.texts, capture);
        if (flags.output !== undefined) writeCaptureFile(flags.output, capture.memory);
        if (flags.json) printJson(memoryFigures(capture.memory));
        else printMemory(capture.memory);
      } finally {
        attached.detach();
      }
    });
}

function reportUnknown({ reports }: Capture): void {
  for (const { text, unknown } of reports) {
    const [first] = unknown.first;
    process.stderr.write(
      `rekindle: ${unknown.count} lines of ${text} not understood, the first: ${first?.text ?? ''}\n`,
    );
  }
}

function writeTexts(directory: string, { mappings, jvms }: Capture): void {
  FileError.wrap(directory, () => {
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'mappings.txt'), mappings);
    for (const { pid, nativeMemory } of jvms) {
      writeFileSync(join(directory, `native-memory-${pid}.txt`), nativeMemory);
    }
  });
}
