// SPDX-License-Identifier: Apache-2.0
// KVM or emulation? That /dev/kvm exists proves nothing: some hosts offer one that no stock kernel survives.
// So a tiny guest is booted on it with a deadline, and the answer kept for this boot of the host.
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cacheDirectory } from './cache.ts';
import { ConsoleWatch } from './console.ts';
import { fileDigest } from './digest.ts';
import type { Accelerator, AcceleratorChoice } from './engine.ts';
import { errnoOf, MicrovmError } from './error.ts';
import { own } from './owned.ts';
import { TINY_GUEST_MARKER, tinyInitramfs } from './tiny-guest.ts';
import { spawnVmm } from './vmm-process.ts';

export interface AcceleratorQuestion {
  readonly binary: string;
  readonly version: string;
  readonly kernel: string;
  readonly wanted?: Accelerator | 'auto' | undefined;
  /** How long the probe guest may take to reach its user space; a healthy host needs one second. */
  readonly deadlineMs?: number | undefined;
  /** Where answers are kept; default $XDG_CACHE_HOME/rekindle/probes. */
  readonly cacheDirectory?: string | undefined;
  /** For tests: the device. */
  readonly device?: string | undefined;
}

/** Chooses KVM where it boots a guest, else emulation, and says why; asked for KVM, it refuses rather than fall back. */
export async function chooseAccelerator(question: AcceleratorQuestion): Promise<AcceleratorChoice> {
  if (question.wanted === 'tcg') {
    return { accelerator: 'tcg', reason: 'asked for', cached: false };
  }
  const choice = await probeKvm(question);
  if (question.wanted === 'kvm' && choice.accelerator !== 'kvm') {
    throw new MicrovmError('ACCELERATOR', `KVM was asked for, but: ${choice.reason}`, {
      place: question.device ?? '/dev/kvm',
      hint: 'leave the accelerator to be chosen (auto), or see: rekindle doctor',
    });
  }
  return choice;
}

async function probeKvm(question: AcceleratorQuestion): Promise<AcceleratorChoice> {
  const device = question.device ?? '/dev/kvm';
  try {
    accessSync(device, constants.R_OK | constants.W_OK);
  } catch (error) {
    const reason =
      errnoOf(error) === 'ENOENT'
        ? `emulation, because there is no ${device}`
        : `emulation, because ${device} may not be opened (add yourself to its group: usermod -aG kvm $USER)`;
    return { accelerator: 'tcg', reason, cached: false };
  }
  const cache = await cachePath(question);
  const known = readAnswer(cache);
  if (known !== undefined) return { ...known, cached: true };
  const answer = await bootOnKvm(question);
  mkdirSync(join(cache, '..'), { recursive: true, mode: 0o700 });
  writeFileSync(`${cache}.${process.pid}`, `${JSON.stringify(answer)}\n`);
  renameSync(`${cache}.${process.pid}`, cache);
  return { ...answer, cached: false };
}

/** One answer per boot of the host, version of QEMU and kernel. */
async function cachePath(question: AcceleratorQuestion): Promise<string> {
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const key = createHash('sha256')
    .update(
      [bootId, question.binary, question.version, await fileDigest(question.kernel)].join('\n'),
    )
    .digest('hex')
    .slice(0, 32);
  return join(question.cacheDirectory ?? join(cacheDirectory(), 'probes'), `kvm-${key}.json`);
}

function readAnswer(path: string): { accelerator: Accelerator; reason: string } | undefined {
  try {
    const { accelerator, reason } = JSON.parse(readFileSync(path, 'utf8')) as Record<
      string,
      unknown
    >;
    return (accelerator === 'kvm' || accelerator === 'tcg') && typeof reason === 'string'
      ? { accelerator, reason }
      : undefined;
  } catch {
    return undefined;
  }
}

async function bootOnKvm(
  question: AcceleratorQuestion,
): Promise<{ accelerator: Accelerator; reason: string }> {
  const deadlineMs = question.deadlineMs ?? 8000;
  const directory = mkdtempSync(join(tmpdir(), 'rekindle-probe-'));
  const console = new ConsoleWatch(join(directory, 'console'));
  writeFileSync(join(directory, 'initramfs'), tinyInitramfs());
  const vmm = await spawnVmm({
    binary: question.binary,
    arguments: [
      ...['-M', 'q35,usb=off,vmport=off,smbus=off,sata=off', '-accel', 'kvm', '-cpu', 'host'],
      ...['-m', '128', '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
      ...['-chardev', 'file,id=console,path=console', '-serial', 'chardev:console'],
      ...['-kernel', question.kernel, '-initrd', 'initramfs'],
      ...['-append', 'console=ttyS0 reboot=t panic=-1 quiet'],
    ],
    cwd: directory,
    logPath: join(directory, 'log'),
  });
  const disown = own(() => {
    vmm.kill();
    rmSync(directory, { recursive: true, force: true });
  });
  try {
    const start = Date.now();
    let gone: string | undefined;
    const watch = vmm.exited.then((exit) => {
      gone = exit.log || `QEMU ended with ${exit.signal ?? `status ${exit.code}`}`;
    });
    while (gone === undefined && Date.now() - start < deadlineMs) {
      if (console.read().includes(TINY_GUEST_MARKER)) break;
      await Promise.race([sleep(20), watch]);
    }
    if (console.read().includes(TINY_GUEST_MARKER)) {
      return {
        accelerator: 'kvm',
        reason: `KVM, because it booted a test guest in ${Date.now() - start} ms`,
      };
    }
    const last = console.lastLines(1);
    const why =
      gone === undefined
        ? `a test guest had not reached user space after ${deadlineMs / 1000} s${last && ` (last line: ${last})`}`
        : `KVM failed to run a test guest: ${gone.split('\n')[0]}`;
    return { accelerator: 'tcg', reason: `emulation, because ${why}` };
  } finally {
    vmm.kill();
    await vmm.exited;
    disown();
    rmSync(directory, { recursive: true, force: true });
  }
}
