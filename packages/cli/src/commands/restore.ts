// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  openSnapshot,
  own as ownResource,
  type PortForward,
  type RestoredVm,
  type RestorePolicy,
  recordingVmLog,
  requireWritable,
  restoreVm,
} from '@rekindle/microvm';
import { PAGER_POLICIES, type PagerSummary, recommendPolicy } from '@rekindle/pager';
import { clockPair } from '@rekindle/recorder';
import { Command } from 'commander';
import { formatMillis, Progress, printJson } from '../output.ts';
import { writeRun } from '../run-file.ts';
import { vmFigures } from '../vm-figures.ts';
import { httpPath, oneOf, publish, tapNetwork } from '../vm-options.ts';
import {
  announce,
  asOwner,
  isDetachedOwner,
  startDetached,
  unexpectedEnd,
  untilEnd,
} from '../vm-owner.ts';

interface RestoreFlags {
  readonly name?: string;
  readonly pager: RestorePolicy | 'auto';
  readonly workingSet?: string;
  readonly share?: true;
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
      '\nExample:\n  rekindle restore shop.snapshot --pager on-demand --record run.jfr --exit',
    )
    .action((directory: string, flags: RestoreFlags) => restore(directory, flags));
}

async function restore(directory: string, flags: RestoreFlags): Promise<void> {
  if (flags.detach && !isDetachedOwner()) {
    show((await startDetached(process.argv.slice(2))) as RestoreFigures, flags);
    return;
  }
  await asOwner(() => own(resolve(directory), flags));
}

async function own(directory: string, flags: RestoreFlags): Promise<void> {
  if (flags.record !== undefined) requireWritable(flags.record);
  const { policy, workingSet, reason } = choosePager(directory, flags);
  const scratch = mkdtempSync(join(tmpdir(), 'rekindle-restore-'));
  const disown = ownResource(() => rmSync(scratch, { recursive: true, force: true }));
  const parts = { host: join(scratch, 'host.jfr'), pager: join(scratch, 'pager.jfr') };
  const start = clockPair();
  const progress = new Progress(flags.json || isDetachedOwner());
  const log = flags.record === undefined ? undefined : recordingVmLog(parts.host);
  let vm: RestoredVm | undefined;
  try {
    progress.start(`restore ${directory}`);
    vm = await restoreVm(directory, {
      name: flags.name,
      policy,
      workingSet,
      share: flags.share,
      measureWaste: flags.measureWaste,
      record: flags.record === undefined || policy === 'file' ? undefined : parts.pager,
      forwards: flags.publish,
      probe: chosenProbe(directory, flags),
      verify: flags.verify,
      network: tapNetwork(flags.tap),
      log,
    });
    progress.done();
    // From here on a signal is how the VM is told to end: the recording is then still to be joined.
    if (!flags.exit) disown();
    const figures: RestoreFigures = {
      ...vmFigures(vm.machine),
      policy,
      policyReason: reason,
      timings: vm.timings,
    };
    if (isDetachedOwner()) announce(figures);
    else if (!flags.exit) show(figures, flags);
    const end = flags.exit ? 'interrupted' : await Promise.race([untilEnd(vm.machine), vm.failed]);
    const { pager } = await vm.close();
    if (flags.exit) show({ ...figures, pager }, flags);
    const problem = unexpectedEnd(end);
    if (problem !== undefined) throw new Error(problem);
  } catch (error) {
    progress.stop();
    throw error;
  } finally {
    log?.close();
    // Also of a restore that failed: what led to it is what one wants to see.
    if (flags.record !== undefined) {
      const owners = join(directory, 'owners.jfr');
      const recordings = [owners, parts.host, parts.pager].filter((file) => existsSync(file));
      await writeRun(resolve(flags.record), { recordings, start });
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

type RestoreFigures = ReturnType<typeof vmFigures> & {
  readonly policy: RestorePolicy;
  readonly policyReason: string;
  readonly timings: RestoredVm['timings'];
  readonly pager?: Awaited<ReturnType<RestoredVm['close']>>['pager'];
};

function wasteOf({ wasted, wastedBy }: PagerSummary): string {
  return wasted < 0 ? '' : ` (${wasted} never touched, by the ${wastedBy})`;
}

function sharedOf({ shared }: PagerSummary): string {
  return shared === 0 ? '' : `, ${shared} shared with clones`;
}

function show(figures: RestoreFigures, flags: RestoreFlags): void {
  if (flags.json) {
    printJson(figures);
    return;
  }
  const { timings, pager } = figures;
  const lines = [
    `${figures.name}: ${figures.engine} ${figures.accelerator}, pager ${figures.policy} (${figures.policyReason})`,
    timings.firstAnswerMs === undefined
      ? `resumed ${formatMillis(timings.totalMs)} after the call`
      : `first answer ${formatMillis(timings.firstAnswerMs)} after resume, ${formatMillis(timings.totalMs)} after the call`,
    ...(pager === undefined
      ? []
      : [
          `${pager.faults} faults, ${pager.copied} pages copied, ${pager.zeroed} zeroed, ${pager.prefetched} prefetched${wasteOf(pager)}${sharedOf(pager)}, stalled ${formatMillis(pager.stalled / 1e6)}`,
        ]),
    ...(flags.exit ? [] : figures.addresses),
    ...(flags.exit
      ? []
      : [flags.detach ? `end it with: rekindle kill ${figures.name}` : 'Ctrl-C ends it']),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
