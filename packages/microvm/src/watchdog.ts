// SPDX-License-Identifier: Apache-2.0
// Early boot under emulation hangs now and then (interrupt calibration); a guest that shows no life on its
// console within the deadline is taken for hung.
import { setTimeout as sleep } from 'node:timers/promises';
import { type ConsoleWatch, lastLines, PANIC } from './console.ts';
import type { Accelerator, BootWatchdog, MachineExit } from './engine.ts';
import { MicrovmError } from './error.ts';

export const DEFAULT_WATCHDOG: Record<Accelerator, BootWatchdog> = {
  kvm: { deadlineMs: 10_000, retries: 1 },
  tcg: { deadlineMs: 30_000, retries: 1 },
};

/** Resolves when the console shows the marker; rejects with BOOT_HUNG, GUEST_PANIC or VMM_GONE. */
export async function watchBoot(
  console: ConsoleWatch,
  exited: Promise<MachineExit>,
  watchdog: BootWatchdog,
  vm: string,
): Promise<void> {
  const marker = watchdog.marker ?? /\S/;
  const deadline = Date.now() + watchdog.deadlineMs;
  let exit: MachineExit | undefined;
  const gone = exited.then((how) => {
    exit = how;
  });
  for (;;) {
    // The console file goes away with the VM; its last lines come with the exit.
    const text = exit === undefined ? console.read() : exit.console;
    const panic = PANIC.exec(text);
    if (panic !== null) {
      throw new MicrovmError('GUEST_PANIC', `the guest of VM ${vm} gave up: ${panic[0]}`, {
        place: lastLines(text, 4),
        hint: 'see whether kernel, initramfs and image belong together',
      });
    }
    if (marker.test(text)) return;
    if (exit !== undefined) {
      throw new MicrovmError(
        'VMM_GONE',
        `VM ${vm} ended during boot (${exit.signal ?? `status ${exit.code}`})`,
        { place: lastLines(text, 4) || exit.log, hint: 'the lines are the last it printed' },
      );
    }
    if (Date.now() > deadline) {
      throw new MicrovmError(
        'BOOT_HUNG',
        `VM ${vm} showed no life within ${watchdog.deadlineMs / 1000} s`,
        {
          place: lastLines(text, 2),
          hint: 'try again; if it stays, see whether the kernel fits the machine',
        },
      );
    }
    await Promise.race([sleep(10), gone]);
  }
}
