// SPDX-License-Identifier: Apache-2.0
// Several VMs of one snapshot by one command.
import { basename, join, parse, resolve } from 'node:path';
import type { MachineExit, RestoredVm } from '@rekindle/microvm';
import { InvalidArgumentError } from 'commander';
import { untilEnd } from '../vm-owner.ts';
import type { RestoreFlags } from './restore.ts';

/** More would fill a host before one looks. */
const MOST_CLONES = 64;

/** One VM of the command: what it is called, where its part of the recording and the whole of it go. */
export interface PlannedVm {
  readonly name: string | undefined;
  readonly part: string;
  readonly record: string | undefined;
}

export function planVms(
  directory: string,
  flags: Pick<RestoreFlags, 'clones' | 'name' | 'record'>,
): PlannedVm[] {
  const { clones: count, name, record } = flags;
  const whole = record === undefined ? undefined : resolve(record);
  if (count === undefined) return [{ name, part: 'pager.jfr', record: whole }];
  const { dir, name: stem, ext } = parse(whole ?? '');
  return Array.from({ length: count }, (_, index) => ({
    name: `${name ?? basename(directory).replace(/\.snapshot$/, '')}-${index + 1}`,
    part: `pager-${index + 1}.jfr`,
    record: whole === undefined ? undefined : join(dir, `${stem}-${index + 1}${ext}`),
  }));
}

/** Every VM, or none and the first error: those that came up are ended again. */
export async function allOrNone(restores: readonly Promise<RestoredVm>[]): Promise<RestoredVm[]> {
  const ends = await Promise.allSettled(restores);
  const vms = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed === undefined) return vms;
  await Promise.all(vms.map((vm) => vm.close().catch(() => {})));
  throw failed.reason;
}

/** Until all have ended or somebody wants this process to. @throws when a pager cannot serve its VM any more */
export async function untilAllEnd(
  vms: readonly RestoredVm[],
): Promise<readonly (MachineExit | 'interrupted')[]> {
  const failed = vms.map((vm) => vm.failed);
  const ends = await Promise.race([untilEnd(...vms.map(({ machine }) => machine)), ...failed]);
  return ends === 'interrupted' ? [ends] : ends;
}

export function cloneCount(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > MOST_CLONES) {
    throw new InvalidArgumentError(`must be a whole number from 1 to ${MOST_CLONES}.`);
  }
  return value;
}

/** Why there cannot be several of these; undefined: there can, or there is one. */
export function problemOfClones({ clones, tap, publish }: RestoreFlags): string | undefined {
  if (clones === undefined) return undefined;
  if (tap !== undefined) return '--tap is one device, and --clones are several VMs';
  return publish?.some(({ hostPort }) => hostPort !== undefined)
    ? 'with --clones each VM gets free ports: --publish GUESTPORT'
    : undefined;
}
