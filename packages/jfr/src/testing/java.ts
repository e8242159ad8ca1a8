// SPDX-License-Identifier: Apache-2.0
// Runs the small Java programs beside this file with a JDK found on this machine.
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Jdk } from './jdk.ts';

const FAST_START = ['-XX:TieredStopAtLevel=1', '-Xshare:auto'];

function program(name: string): string {
  return join(import.meta.dirname, `${name}.java`);
}

/** Runs `NAME.java` to its end and gives its standard output; throws with what it said otherwise. */
export function runJava(jdk: Jdk, name: string, ...args: string[]): string {
  const run = spawnSync(join(jdk.home, 'bin/java'), [...FAST_START, program(name), ...args], {
    encoding: 'utf8',
    timeout: 60_000,
    maxBuffer: 1 << 30,
  });
  if (run.status !== 0) throw new Error(`${name}.java: ${run.stderr}${run.stdout.slice(-500)}`);
  return run.stdout;
}

/** Starts `NAME.java`; the caller ends it, or waits for its end. */
export function startJava(
  jdk: Jdk,
  name: string,
  ...args: string[]
): ChildProcessWithoutNullStreams {
  return spawn(join(jdk.home, 'bin/java'), [...FAST_START, program(name), ...args]);
}
