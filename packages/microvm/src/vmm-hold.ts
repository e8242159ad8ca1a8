// SPDX-License-Identifier: Apache-2.0
import { readFileSync, rmSync } from 'node:fs';
import { ConsoleWatch } from './console.ts';
import type { MachineExit } from './engine.ts';
import { own } from './owned.ts';
import type { VmmProcess } from './vmm-process.ts';

/** A VMM process together with its state directory: when the one ends, the other goes. */
export interface HeldVmm {
  readonly process: VmmProcess;
  /** Settles when process and directory are gone; never rejects. */
  readonly exited: Promise<MachineExit>;
  /** Ends the process on purpose. */
  terminate(): void;
}

/** Ties a state directory to its VMM, and both to this process. */
export function holdVmm(process: VmmProcess, directory: string, consolePath: string): HeldVmm {
  let expected = false;
  const disown = own(() => {
    process.kill();
    rmSync(directory, { recursive: true, force: true });
  });
  const exited = process.exited.then((exit): MachineExit => {
    const console = new ConsoleWatch(consolePath).lastLines(8);
    rmSync(directory, { recursive: true, force: true });
    disown();
    return { ...exit, expected, console };
  });
  const terminate = (): void => {
    expected = true;
    process.kill();
  };
  return { process, exited, terminate };
}

/** Ends what was started of a VM that is not to be. */
export async function abandon(held: HeldVmm | undefined, directory: string): Promise<void> {
  held?.terminate();
  await held?.exited;
  rmSync(directory, { recursive: true, force: true });
}

/** Resident memory (bytes) and CPU time (seconds) of a process. */
export function processUsage(pid: number): { residentBytes: number; cpuSeconds: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]);
  // utime and stime, fields 14 and 15 of proc(5), in USER_HZ, which is 100 on every Linux.
  return {
    residentBytes: pages * 4096,
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100,
  };
}

/** How a process ended, and its last word. */
export function describeExit(exit: {
  readonly code: number | null;
  readonly signal: string | null;
  readonly log: string;
}): string {
  const how = exit.signal ?? `status ${exit.code}`;
  return exit.log === '' ? how : `${how}: ${exit.log.split('\n').at(-1)}`;
}
