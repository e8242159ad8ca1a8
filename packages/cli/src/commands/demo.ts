// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { journey } from '../demo/journey.ts';
import { demoFigures, printDemo } from '../demo/table.ts';
import { Progress, printJson } from '../output.ts';
import { showRuns } from '../show-runs.ts';

interface DemoFlags {
  readonly dir: string;
  readonly exit?: true;
  readonly json?: true;
  readonly memory: number;
  readonly port: number;
}

const MIB = 1024 * 1024;

function whole(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('must be a whole number.');
  return Number(text);
}

export function demoCommand(): Command {
  return new Command('demo')
    .description(
      'The whole journey on a small Java service: boot, snapshot, restore on demand and prefetched, show',
    )
    .option('--exit', 'stop after the table instead of serving the viewer')
    .option('--dir <directory>', 'where the snapshot and the recordings go', 'demo')
    .option('--memory <MiB>', 'memory of the guest', whole, 512)
    .option('--port <port>', 'loopback port of the viewer; 0 takes a free one', whole, 0)
    .option('--json', 'the figures as JSON on stdout')
    .addHelpText('after', '\nExample:\n  rekindle demo --exit --json > figures.json')
    .action(async (flags: DemoFlags) => {
      const directory = resolve(flags.dir);
      const result = await journey(
        { directory, memoryBytes: flags.memory * MIB, vcpus: 1, warmUp: 50 },
        new Progress(),
      );
      const figures = await demoFigures(result);
      if (flags.json) printJson(figures);
      else printDemo(figures);
      const recordings = [result.onDemand.recording, result.prefetched.recording];
      if (!flags.json) process.stdout.write(`\nrecordings: ${recordings.join(', ')}\n`);
      if (!flags.exit) await showRuns(recordings, flags.port);
    });
}
