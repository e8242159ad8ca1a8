// SPDX-License-Identifier: Apache-2.0
// The command as a user runs it.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

export const BIN: string = fileURLToPath(
  new URL('../../packages/cli/bin/rekindle.cjs', import.meta.url),
);

export interface CommandEnd {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Commands in one directory. */
export class Rekindle {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Runs a command to its end. */
  run(...words: string[]): CommandEnd {
    const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...words], {
      encoding: 'utf8',
      cwd: this.#directory,
      timeout: 120_000,
    });
    return { status, stdout, stderr };
  }

  /** Runs a command that must succeed; what it says as JSON. */
  json<T>(...words: string[]): T {
    const { status, stdout, stderr } = this.run(...words, '--json');
    expect(status, stderr).toBe(0);
    return JSON.parse(stdout) as T;
  }
}
