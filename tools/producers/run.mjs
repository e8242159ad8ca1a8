// SPDX-License-Identifier: Apache-2.0
// What the extra "producers" runs programs with.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Runs a program to its end; ends this one with what it said where it fails. */
export function run(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    ...options,
  });
  if (status === 0) return stdout;
  console.error(`extra producers: ${command} ${args[0]} failed: ${error?.message ?? ''}`);
  console.error(`${stdout ?? ''}${stderr ?? ''}`.slice(-1500));
  process.exit(1);
}

/** Homes of the JDKs of this machine by feature version. */
export function findJdks() {
  const homes = [process.env.JAVA_HOME];
  const distribution = '/usr/lib/jvm';
  if (existsSync(distribution)) {
    for (const name of readdirSync(distribution)) homes.push(join(distribution, name));
  }
  const found = new Map();
  for (const home of homes) {
    if (!home || !existsSync(join(home, 'bin/javac')) || !existsSync(join(home, 'release')))
      continue;
    const release = readFileSync(join(home, 'release'), 'utf8');
    found.set(Number(/JAVA_VERSION="(\d+)/.exec(release)?.[1] ?? 0), home);
  }
  return found;
}
