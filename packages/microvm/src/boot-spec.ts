// SPDX-License-Identifier: Apache-2.0
import { accessSync, constants, statSync } from 'node:fs';
import type { BootSpec, GuestFile } from './engine.ts';
import { MicrovmError } from './error.ts';
import { vmDirectory } from './state-directory.ts';

const MIB = 1024 * 1024;

/** Refuses what no engine can boot, before anything is made. */
export function checkBootSpec(spec: BootSpec): void {
  const files: [string, GuestFile | undefined][] = [
    ['kernel', spec.kernel],
    ['initramfs', spec.initramfs],
    ['image', spec.image],
  ];
  for (const [what, file] of files) {
    if (file === undefined) continue;
    try {
      accessSync(file.path, constants.R_OK);
    } catch (error) {
      throw new MicrovmError('BAD_SPEC', `cannot read the ${what}: ${file.path}`, {
        place: file.path,
        hint: 'build it first: rekindle image build, rekindle kernel fetch',
        cause: error,
      });
    }
    if (statSync(file.path).isDirectory()) {
      throw new MicrovmError('BAD_SPEC', `the ${what} is a directory: ${file.path}`, {
        place: file.path,
        hint: 'name the file in it',
      });
    }
  }
  checkMachineSize(spec);
}

/** The part that needs no file: fit to be asked before anything is built. */
export function checkMachineSize(
  spec: Pick<BootSpec, 'name' | 'memoryBytes' | 'vcpus' | 'forwards'>,
): void {
  vmDirectory(spec.name);
  if (!Number.isSafeInteger(spec.memoryBytes) || spec.memoryBytes % MIB !== 0) {
    throw badNumber('memory', `${spec.memoryBytes} bytes`, 'give a whole number of MiB');
  }
  if (spec.memoryBytes < 64 * MIB || spec.memoryBytes > 256 * 1024 * MIB) {
    throw badNumber('memory', `${spec.memoryBytes / MIB} MiB`, 'give 64 MiB to 256 GiB');
  }
  const vcpus = spec.vcpus ?? 1;
  if (!Number.isInteger(vcpus) || vcpus < 1 || vcpus > 32) {
    throw badNumber('vcpus', vcpus, 'give 1 to 32');
  }
  for (const { guestPort, hostPort } of spec.forwards ?? []) {
    for (const port of [guestPort, hostPort ?? 1]) {
      if (!Number.isInteger(port) || port < 1 || port > 65_535) {
        throw badNumber('port', port, 'give 1 to 65535');
      }
    }
  }
}

function badNumber(what: string, value: number | string, hint: string): MicrovmError {
  return new MicrovmError('BAD_SPEC', `${what} cannot be ${value}`, { place: what, hint });
}
