// SPDX-License-Identifier: Apache-2.0
import { chooseAccelerator } from './accelerator.ts';
import { isElf } from './elf.ts';
import type { Engine, EngineName } from './engine.ts';
import { MicrovmError } from './error.ts';
import { FirecrackerEngine, type TapNetwork } from './firecracker.ts';
import { NO_LOG, type VmLog } from './log.ts';
import { QemuEngine } from './qemu.ts';

export interface EngineQuestion {
  readonly wanted?: EngineName | 'auto' | undefined;
  /** The kernel that is to be booted. */
  readonly kernel: string;
  readonly network?: TapNetwork | undefined;
  readonly log?: VmLog | undefined;
}

export interface EngineChoice {
  readonly engine: Engine;
  /** Why this one, as a sentence for the user. */
  readonly reason: string;
}

/**
 * Firecracker where it is installed, KVM boots a guest, and it is given what it needs (a tap device, an
 * uncompressed kernel); else QEMU. Asked for Firecracker, it refuses rather than fall back.
 */
export async function chooseEngine(question: EngineQuestion): Promise<EngineChoice> {
  const log = question.log ?? NO_LOG;
  const qemu = new QemuEngine({ log });
  if (question.wanted === 'qemu') return { engine: qemu, reason: 'QEMU, as asked for' };
  const firecracker = new FirecrackerEngine({ log, network: question.network });
  const probe = await firecracker.probe();
  const problem =
    probe.problem ??
    (question.wanted === 'firecracker' ? undefined : await whatFirecrackerLacks(question, qemu));
  if (problem === undefined) {
    return { engine: firecracker, reason: `Firecracker ${probe.version} is here and KVM works` };
  }
  if (question.wanted === 'firecracker') {
    throw new MicrovmError('VMM_MISSING', `Firecracker was asked for, but: ${problem}`, {
      place: 'firecracker',
      hint: 'leave the engine to be chosen (auto), or see: rekindle doctor',
    });
  }
  return { engine: qemu, reason: `QEMU, because ${problem}` };
}

async function whatFirecrackerLacks(
  question: EngineQuestion,
  qemu: QemuEngine,
): Promise<string | undefined> {
  if (question.network === undefined) return 'Firecracker would need a tap device (--tap)';
  if (!isElf(question.kernel)) return 'Firecracker needs an uncompressed kernel (vmlinux)';
  const { binary, version } = await qemu.probe();
  // Without QEMU nobody can try KVM beforehand; Firecracker will tell.
  if (binary === undefined || version === undefined) return undefined;
  const choice = await chooseAccelerator({ binary, version, kernel: question.kernel });
  return choice.accelerator === 'kvm' ? undefined : choice.reason;
}
