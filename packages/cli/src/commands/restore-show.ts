// SPDX-License-Identifier: Apache-2.0
// What `rekindle restore` says of its VMs.
import type { RestoredVm, RestorePolicy } from '@rekindle/microvm';
import type { PagerSummary } from '@rekindle/pager';
import { formatMillis, printJson } from '../output.ts';
import type { vmFigures } from '../vm-figures.ts';
import type { RestoreFlags } from './restore.ts';

export type RestoreFigures = ReturnType<typeof vmFigures> & {
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

/** One VM as it is, clones as a list. */
export function showRestored(
  figures: readonly RestoreFigures[],
  flags: Pick<RestoreFlags, 'json' | 'exit' | 'detach' | 'clones'>,
): void {
  if (flags.json) printJson(flags.clones === undefined ? figures[0] : figures);
  else for (const each of figures) process.stdout.write(`${linesOf(each, flags).join('\n')}\n`);
  if (flags.json || flags.exit || flags.detach) return;
  process.stdout.write(`Ctrl-C ends ${flags.clones === undefined ? 'it' : 'them'}\n`);
}

function linesOf(
  figures: RestoreFigures,
  flags: Pick<RestoreFlags, 'exit' | 'detach'>,
): readonly string[] {
  const { timings, pager } = figures;
  return [
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
    ...(flags.detach ? [`end it with: rekindle kill ${figures.name}`] : []),
  ];
}
