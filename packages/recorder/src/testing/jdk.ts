// SPDX-License-Identifier: Apache-2.0
// The JDK's own tools as judges. A test that needs one which is absent says so and skips.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Jdk {
  readonly version: number;
  readonly home: string;
}

/** A JDK of a major version, from JAVA_HOME or the distribution's folder. */
export function findJdk(version: number): Jdk | undefined {
  const base = '/usr/lib/jvm';
  const homes = existsSync(base) ? readdirSync(base).map((name) => join(base, name)) : [];
  if (process.env.JAVA_HOME !== undefined) homes.unshift(process.env.JAVA_HOME);
  for (const home of homes) {
    if (!existsSync(join(home, 'bin/jfr')) || !existsSync(join(home, 'release'))) continue;
    const release = readFileSync(join(home, 'release'), 'utf8');
    if (Number(/JAVA_VERSION="(\d+)/.exec(release)?.[1]) === version) return { version, home };
  }
  return undefined;
}

export const JDKS: readonly Jdk[] = [17, 25].flatMap((version) => {
  const jdk = findJdk(version);
  if (jdk === undefined) console.warn(`skipped: no JDK ${version} in /usr/lib/jvm or JAVA_HOME`);
  return jdk === undefined ? [] : [jdk];
});

/** Runs the `jfr` tool; throws with what it said when it fails. */
export function jfr(jdk: Jdk, ...args: readonly string[]): string {
  return execFileSync(join(jdk.home, 'bin/jfr'), args, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    timeout: 60_000,
  });
}

export interface PrintedEvent {
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the tool printed
  readonly values: Record<string, any>;
}

/** Events as `jfr print --json` sees them. */
export function printed(jdk: Jdk, file: string, ...options: readonly string[]): PrintedEvent[] {
  const text = jfr(jdk, 'print', '--json', ...options, file);
  return (JSON.parse(text) as { recording: { events: PrintedEvent[] } }).recording.events;
}

/** Event counts as `jfr summary` sees them. */
export function counts(jdk: Jdk, file: string): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const line of jfr(jdk, 'summary', file).split('\n')) {
    const match = /^ ([\w.$]+)\s+(\d+)\s+\d+$/.exec(line);
    if (match !== null) found.set(match[1]!, Number(match[2]));
  }
  return found;
}
