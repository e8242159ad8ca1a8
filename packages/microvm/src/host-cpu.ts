// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** The host's CPU as a guest under KVM sees it: model name and a short hash of its feature flags. */
export function hostCpu(cpuinfo: string = readFileSync('/proc/cpuinfo', 'utf8')): string {
  const field = (name: string): string =>
    new RegExp(`^${name}\\s*:\\s*(.*)$`, 'm').exec(cpuinfo)?.[1]?.trim() ?? '';
  const flags = createHash('sha256')
    .update(field('flags').split(' ').sort().join(' '))
    .digest('hex')
    .slice(0, 12);
  return `${field('model name')} flags:${flags}`;
}
