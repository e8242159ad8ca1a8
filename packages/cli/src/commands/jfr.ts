// SPDX-License-Identifier: Apache-2.0
import { Command } from 'commander';
import { metadataCommand } from '../jfr/metadata.ts';
import { printCommand } from '../jfr/print.ts';
import { summaryCommand } from '../jfr/summary.ts';

export function jfrCommand(): Command {
  return new Command('jfr')
    .description('Flight recordings: look into them, convert and mend them; no JDK needed')
    .addCommand(summaryCommand())
    .addCommand(printCommand())
    .addCommand(metadataCommand());
}
