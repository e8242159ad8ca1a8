// SPDX-License-Identifier: Apache-2.0
import { Command } from 'commander';
import { assembleCommand } from '../jfr/assemble.ts';
import { configureCommand } from '../jfr/configure.ts';
import { disassembleCommand } from '../jfr/disassemble.ts';
import { exportCommand } from '../jfr/export.ts';
import { flameCommand } from '../jfr/flame.ts';
import { metadataCommand } from '../jfr/metadata.ts';
import { printCommand } from '../jfr/print.ts';
import { repairCommand } from '../jfr/repair.ts';
import { scrubCommand } from '../jfr/scrub.ts';
import { summaryCommand } from '../jfr/summary.ts';
import { tailCommand } from '../jfr/tail.ts';
import { viewCommand } from '../jfr/view.ts';

export function jfrCommand(): Command {
  return new Command('jfr')
    .description('Flight recordings: look into them, convert and mend them; no JDK needed')
    .addCommand(summaryCommand())
    .addCommand(printCommand())
    .addCommand(metadataCommand())
    .addCommand(viewCommand())
    .addCommand(flameCommand())
    .addCommand(exportCommand())
    .addCommand(tailCommand())
    .addCommand(scrubCommand())
    .addCommand(assembleCommand())
    .addCommand(disassembleCommand())
    .addCommand(repairCommand())
    .addCommand(configureCommand());
}
