// SPDX-License-Identifier: Apache-2.0
// Finds the JDKs of this machine: the oracle of the tests. Nothing here is part of the product.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

export interface Jdk {
  readonly home: string;
  /** Feature version: 17, 21, 25. */
  readonly version: number;
}

let found: readonly Jdk[] | undefined;

/** Every JDK with a `jfr` tool: JAVA_HOME, the one on PATH, and those under the distribution's folder. */
export function findJdks(): readonly Jdk[] {
  if (found) return found;
  const homes = new Set<string>();
  const add = (home: string | undefined): void => {
    if (home && existsSync(join(home, 'bin/jfr'))) homes.add(realpathSync(home));
  };
  add(process.env.JAVA_HOME);
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const java = join(folder, 'java');
    if (existsSync(java)) add(dirname(dirname(realpathSync(java))));
  }
  const distribution = '/usr/lib/jvm';
  if (existsSync(distribution)) {
    for (const name of readdirSync(distribution)) add(join(distribution, name));
  }
  found = [...homes]
    .map((home) => ({ home, version: versionOf(home) }))
    .sort((a, b) => a.version - b.version);
  return found;
}

function versionOf(home: string): number {
  const release = join(home, 'release');
  const text = existsSync(release) ? readFileSync(release, 'utf8') : '';
  return Number(/JAVA_VERSION="(\d+)/.exec(text)?.[1] ?? 0);
}

export function jdkOf(version: number): Jdk | undefined {
  return findJdks().find((jdk) => jdk.version === version);
}

export function newestJdk(atLeast = 0): Jdk | undefined {
  return findJdks().findLast((jdk) => jdk.version >= atLeast);
}

export interface JfrOutput {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the JDK's `jfr` with these arguments; gives up after a minute. */
export function runJfr(jdk: Jdk, ...args: string[]): JfrOutput {
  const run = spawnSync(join(jdk.home, 'bin/jfr'), args, {
    encoding: 'utf8',
    timeout: 60_000,
    maxBuffer: 1 << 30,
  });
  return { status: run.status, stdout: run.stdout, stderr: run.stderr };
}
