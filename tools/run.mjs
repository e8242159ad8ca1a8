// SPDX-License-Identifier: Apache-2.0
// Runs commands one after the other in the checkout, stopping at the first that fails.
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Returns the exit code: 0, or that of the first command that failed. */
export function runAll(commands) {
  for (const [command, ...args] of commands) {
    const { status } = spawnSync(command, args, { stdio: 'inherit', cwd: root });
    if (status !== 0) return status ?? 1;
  }
  return 0;
}
