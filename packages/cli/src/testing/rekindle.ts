// SPDX-License-Identifier: Apache-2.0
// Runs the compiled command as a user would. Nothing here is part of the product.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT: string = fileURLToPath(new URL('../../../../', import.meta.url));

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `rekindle` with these arguments, and with `input` on its standard input. */
export function rekindle(
  args: readonly string[],
  input?: Uint8Array,
  environment: Readonly<Record<string, string>> = {},
): Ran {
  const program = join(ROOT, 'packages/cli/bin/rekindle.cjs');
  const run = spawnSync(process.execPath, [program, ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    timeout: 60_000,
    env: { ...process.env, ...environment },
    ...(input === undefined ? {} : { input }),
  });
  return { status: run.status, stdout: run.stdout, stderr: run.stderr };
}

/** A directory for the files of a test, and what removes it. */
export function scratch(name: string): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), `rekindle-${name}-`));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
