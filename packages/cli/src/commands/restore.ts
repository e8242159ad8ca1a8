// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  openSnapshot,
  own as ownResource,
  type PortForward,
  type RestorePolicy,
  recordingVmLog,
  requireWritable,
  restoreVm,
} from '@rekindle/microvm';
import { PAGER_POLICIES, PagerProcess, recommendPolicy } from '@rekindle/pager';
import { clockPair } from '@rekindle/recorder';
import { Command } from 'commander';
import { Progress } from '../output.ts';
import { writeRun } from '../run-file.ts';
import { vmFigures } from '../vm-figures.ts';
import { httpPath, oneOf, publish, tapNetwork } from '../vm-options.ts';
import { announce, asOwner, isDetachedOwner, startDetached, unexpectedEnd } from '../vm-owner.ts';
import { allOrNone, cloneCount, planVms, problemOfClones, untilAllEnd } from './restore-clones.ts';
import { type RestoreFigures, showRestored } from './restore-show.ts';

export interface RestoreFlags {
  readonly name?: string;
  readonly pager: RestorePolicy | 'auto';
  readonly workingSet?: string;
  readonly share?: true;
  readonly clones?: number;
  readonly measureWaste?: true;
  readonly record?: string;
  readonly publish?: readonly PortForward[];
  readonly probe?: string | false;
  readonly tap?: string;
  readonly verify?: true;
  readonly detach?: true;
  readonly exit?: true;
  readonly json?: true;
}

const PAGERS = ['auto', 'file', ...PAGER_POLICIES] as const;

/** Bringing a snapshot back and owning the VM until it ends. */
export function restoreCommand(): Command {
  return new Command('restore')
    .description('Restore a snapshot and keep the VM until Ctrl-C')
    .argument('<directory>', 'the snapshot')
    .option('--name <name>', 'what to call the VM; default: the directory’s name')
    .option('--pager <policy>', PAGERS.join(', '), oneOf(PAGERS), 'auto')
    .option('--working-set <file>', 'pages to install ahead; default: the snapshot’s working-set')
    .option('--share', 'share what nobody writes with the other VMs of this snapshot')
    .option(
      '--clones <n>',
      'so many VMs at once, NAME-1 and so on, with shared memory and pager',
      cloneCount,
    )
    .option('--measure-waste', 'count prefetched pages that nobody touches (emulated guests)')
    .option('--record <file>', 'write everything that happens into a recording (.jfr)')
    .option(
      '-p, --publish <[host:]guest>',
      'make a TCP port reachable; default: those of the snapshot',
      publish,
    )
    .option('--probe <path>', 'what to ask over HTTP; default: what the snapshot says', httpPath)
    .option('--no-probe', 'do not wait for an HTTP answer')
    .option('--tap <device>', 'tap device for a Firecracker guest')
    .option('--verify', 'compare every hash first')
    .option('--exit', 'end the VM after its first answer')
    .option('-d, --detach', 'come back when it is up; rekindle kill ends it')
    .option('--json', 'one JSON object on stdout when it is up')
    .addHelpText(
      'after',
      [
        '',
        'With --clones each VM has a recording of its own: run.jfr becomes run-1.jfr and so on.',
        '',
        'Example:',
        '  rekindle restore shop.snapshot --pager on-demand --record run.jfr --exit',
      ].join('\n'),
    )
    .action((directory: string, flags: RestoreFlags, command: Command) => {
      const problem = problemOfClones(flags);
      if (problem !== undefined) command.error(`error: ${problem}`, { exitCode: 2 });
      return restore(directory, flags);
    });
}

async function restore(directory: string, flags: RestoreFlags): Promise<void> {
  if (flags.detach && !isDetachedOwner()) {
    showRestored((await startDetached(process.argv.slice(2))) as RestoreFigures[], flags);
    return;
  }
  await asOwner(() => own(resolve(directory), flags));
}

async function own(directory: string, flags: RestoreFlags): Promise<void> {
  const planned = planVms(directory, flags);
  for (const { record } of planned) if (record !== undefined) requireWritable(record);
  const { policy, workingSet, reason } = choosePager(directory, flags);
  const scratch = mkdtempSync(join(tmpdir(), 'rekindle-restore-'));
  const disown = ownResource(() => rmSync(scratch, { recursive: true, force: true }));
  const host = join(scratch, 'host.jfr');
  const start = clockPair();
  const progress = new Progress(flags.json || isDetachedOwner());
  const served = flags.clones === undefined || policy === 'file' ? undefined : new PagerProcess();
  let log: ReturnType<typeof recordingVmLog> | undefined;
  try {
    log = flags.record === undefined ? undefined : recordingVmLog(host);
    progress.start(`restore ${directory}`);
    const vms = await allOrNone(
      planned.map(({ name, part }) =>
        restoreVm(directory, {
          name,
          policy,
          workingSet,
          share: flags.share ?? served !== undefined,
          pagerProcess: served,
          measureWaste: flags.measureWaste,
          record: flags.record === undefined || policy === 'file' ? undefined : join(scratch, part),
          forwards: flags.publish,
          probe: chosenProbe(directory, flags),
          verify: flags.verify,
          network: tapNetwork(flags.tap),
          log,
        }),
      ),
    );
    served?.close();
    progress.done();
    // From here on a signal is how the VMs are told to end: the recordings are then still to be joined.
    if (!flags.exit) disown();
    const figures = vms.map(
      (vm): RestoreFigures => ({
        ...vmFigures(vm.machine),
        policy,
        policyReason: reason,
        timings: vm.timings,
      }),
    );
    if (isDetachedOwner()) announce(figures);
    else if (!flags.exit) showRestored(figures, flags);
    const ends = flags.exit ? [] : await untilAllEnd(vms);
    const closed = await Promise.all(vms.map((vm) => vm.close()));
    if (flags.exit) {
      showRestored(
        figures.map((figure, index) => ({ ...figure, pager: closed[index]?.pager })),
        flags,
      );
    }
    const problem = ends.map(unexpectedEnd).find((text) => text !== undefined);
    if (problem !== undefined) throw new Error(problem);
  } catch (error) {
    progress.stop();
    throw error;
  } finally {
    served?.close();
    log?.close();
    // Also of a restore that failed: what led to it is what one wants to see.
    for (const { part, record } of planned) {
      if (record === undefined) continue;
      const recordings = [join(directory, 'owners.jfr'), host, join(scratch, part)].filter((file) =>
        existsSync(file),
      );
      await writeRun(record, { recordings, start });
    }
    rmSync(scratch, { recursive: true, force: true });
    disown();
  }
}

/** `auto` asks what is cheapest for this snapshot now: how much of it is in the page cache, what is known of it. */
function choosePager(
  directory: string,
  flags: RestoreFlags,
): { policy: RestorePolicy; workingSet: string | undefined; reason: string } {
  const beside = join(directory, 'working-set');
  const workingSet =
    flags.workingSet === undefined
      ? existsSync(beside)
        ? beside
        : undefined
      : resolve(flags.workingSet);
  const wantsSet =
    flags.pager === 'prefetch' || flags.pager === 'hybrid' || flags.pager === 'concurrent';
  if (flags.pager !== 'auto') {
    return {
      policy: flags.pager,
      workingSet: wantsSet ? workingSet : undefined,
      reason: 'asked for',
    };
  }
  const { memory } = openSnapshot(directory);
  const { policy, reason } = recommendPolicy(memory, workingSet, flags.record !== undefined);
  return { policy, workingSet: policy === 'prefetch' ? workingSet : undefined, reason };
}

function chosenProbe(
  directory: string,
  flags: RestoreFlags,
): { guestPort: number; path: string } | false | undefined {
  if (flags.probe === undefined) return undefined;
  // commander gives true for the positive form of a --no- option that was not used.
  if (flags.probe === false || typeof flags.probe !== 'string')
    return flags.probe === false ? false : undefined;
  const snapshot = openSnapshot(directory);
  const ports = snapshot.kind === 'rekindle' ? snapshot.manifest.guestPorts : [];
  return { guestPort: flags.publish?.[0]?.guestPort ?? ports[0] ?? 8080, path: flags.probe };
}
