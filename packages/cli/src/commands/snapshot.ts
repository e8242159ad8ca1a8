// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memorySink } from '@rekindle/jfr';
import { writeCapture } from '@rekindle/memory';
import {
  attachVm,
  type Machine,
  own as ownResource,
  snapshotVm,
  verifySnapshot,
} from '@rekindle/microvm';
import { Command } from 'commander';
import { captureGuest } from '../guest-capture.ts';
import { formatBytes, formatMillis, Progress, printJson } from '../output.ts';
import { httpPath, oneOf } from '../vm-options.ts';

interface SnapshotFlags {
  readonly after: 'resume' | 'pause' | 'kill';
  readonly force?: true;
  readonly owners: boolean;
  readonly probe: string;
  readonly json?: true;
}

/** Making a snapshot of a running VM, and checking one. */
export function snapshotCommand(): Command {
  return new Command('snapshot')
    .description('Save a running VM into a directory')
    .argument('<name>', 'which VM; see rekindle ps')
    .argument('<directory>', 'where to; must not exist')
    .option(
      '--after <what>',
      'resume, pause or kill the VM afterwards',
      oneOf(['resume', 'pause', 'kill']),
      'resume',
    )
    .option('--force', 'replace a snapshot of that name once the new one is whole')
    .option('--no-owners', 'do not ask the guest who owns which page')
    .option('--probe <path>', 'where the service will answer when restored', httpPath, '/')
    .option('--json', 'the manifest and times as JSON on stdout')
    .addHelpText('after', '\nExample:\n  rekindle snapshot shop shop.snapshot --after kill')
    .action(save)
    .addCommand(verifyCommand());
}

async function save(name: string, directory: string, flags: SnapshotFlags): Promise<void> {
  const { machine, detach } = await attachVm(name);
  const scratch = mkdtempSync(join(tmpdir(), 'rekindle-snapshot-'));
  const disown = ownResource(() => rmSync(scratch, { recursive: true, force: true }));
  const progress = new Progress(flags.json);
  try {
    let owners: string | undefined;
    if (flags.owners) {
      progress.start('ask who owns which page');
      owners = await captureOwners(machine, scratch);
      progress.done();
    }
    progress.start(`snapshot ${name}`);
    const port = machine.endpoints[0]?.guestPort;
    const taken = await snapshotVm(machine, directory, {
      after: flags.after,
      overwrite: flags.force,
      owners,
      probe: port === undefined ? undefined : { guestPort: port, path: flags.probe },
    });
    const { memory, state } = taken.manifest.files;
    progress.done(`${formatBytes(memory.dataBytes)} of ${formatBytes(memory.bytes)}`);
    if (flags.json) return printJson({ directory, ...taken });
    const paused = taken.timings.pausedMs;
    process.stdout.write(
      `${directory}: memory ${formatBytes(memory.dataBytes)} (${formatBytes(memory.bytes)} with holes), state ${formatBytes(state.bytes)}` +
        `${paused === undefined ? '' : `; the VM stood still for ${formatMillis(paused)}`}\n` +
        `restore it with: rekindle restore ${directory}\n`,
    );
  } catch (error) {
    progress.stop();
    throw error;
  } finally {
    detach();
    rmSync(scratch, { recursive: true, force: true });
    disown();
  }
}

/** A recording of capture events; the guest must be running for it. */
async function captureOwners(machine: Machine, scratch: string): Promise<string | undefined> {
  if (machine.agent === undefined) return undefined;
  const { memory } = await captureGuest(machine.agent);
  const sink = memorySink();
  writeCapture(sink, memory, {
    ticks: process.hrtime.bigint(),
    startNanos: BigInt(Date.now()) * 1_000_000n,
  });
  const path = join(scratch, 'owners.jfr');
  writeFileSync(path, sink.bytes());
  return path;
}

function verifyCommand(): Command {
  return new Command('verify')
    .description('Read every file of a snapshot and compare its hash')
    .argument('<directory>', 'the snapshot')
    .option('--json', 'the result as JSON on stdout')
    .addHelpText('after', '\nExample:\n  rekindle snapshot verify shop.snapshot')
    .action(async (directory: string, _flags: object, command: Command) => {
      // commander gives --json to the command above, which has it, too.
      const flags = command.optsWithGlobals<{ json?: true }>();
      const { files } = await verifySnapshot(directory, { hashes: true });
      if (flags.json) return printJson({ directory, files });
      for (const { path } of files) process.stdout.write(`ok  ${path}\n`);
    });
}
