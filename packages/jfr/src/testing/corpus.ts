// SPDX-License-Identifier: Apache-2.0
// Recordings made by the JDKs of this machine, and what the JDK's own reader says of them. Made once,
// kept in node_modules/.cache by the hash of what made them.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findJdks, type Jdk, newestJdk } from './jdk.ts';

const ROOT: string = fileURLToPath(new URL('../../../../', import.meta.url));
const CACHE: string = join(ROOT, 'node_modules/.cache/rekindle/jfr');

/** A Java source of `fixtures/jfr`. */
export function fixture(name: string): string {
  return join(ROOT, 'fixtures/jfr', name);
}

export interface JdkRecording {
  /** For example `jdk 25, profile`. */
  readonly name: string;
  readonly jdk: Jdk;
  readonly path: string;
}

/**
 * Makes a file once: `make` writes it to the path it is given. The parts of the key are whatever
 * decides the content.
 */
export function cached(
  key: readonly string[],
  suffix: string,
  make: (path: string) => void,
): string {
  const hash = createHash('sha256').update(key.join('\0')).digest('hex').slice(0, 16);
  const path = join(CACHE, `${hash}${suffix}`);
  if (!existsSync(path)) {
    mkdirSync(CACHE, { recursive: true });
    const temporary = join(CACHE, `${hash}.${process.pid}.tmp${suffix}`);
    make(temporary);
    renameSync(temporary, path);
  }
  return path;
}

/** Runs a Java source file of `fixtures/jfr` and returns what it printed. Throws when it fails. */
export function runJava(
  jdk: Jdk,
  options: readonly string[],
  source: string,
  args: readonly string[] = [],
): string {
  const run = spawnSync(join(jdk.home, 'bin/java'), [...options, source, ...args], {
    encoding: 'utf8',
    timeout: 120_000,
  });
  if (run.status !== 0) {
    throw new Error(`${source} on JDK ${jdk.version}: ${run.error ?? run.stderr}`);
  }
  return run.stdout;
}

/** A recording of `OddValues.java` for each JDK (17 and later) with the default and profile settings. */
export function oddRecordings(): JdkRecording[] {
  const source = fixture('OddValues.java');
  const text = readFileSync(source, 'utf8');
  return findJdks()
    .filter(({ version }) => version >= 17)
    .flatMap((jdk) =>
      ['default', 'profile'].map((settings) => ({
        name: `JDK ${jdk.version}, ${settings} settings`,
        jdk,
        path: cached([text, jdk.home, release(jdk), settings], '.jfr', (path) => {
          const start = `-XX:StartFlightRecording:filename=${path},settings=${settings}`;
          runJava(jdk, [start], source);
        }),
      })),
    );
}

/** What jdk.jfr.consumer of the newest JDK reads from a recording: a line per event. */
export function oracleLines(recording: string): string[] {
  const jdk = newestJdk(17);
  if (jdk === undefined) throw new Error('no JDK');
  const source = fixture('ReadAll.java');
  const content = createHash('sha256').update(readFileSync(recording)).digest('hex');
  const path = cached(
    [content, readFileSync(source, 'utf8'), jdk.home, release(jdk)],
    '.txt',
    (to) => {
      runJava(jdk, [], source, [recording, to]);
    },
  );
  const lines = readFileSync(path, 'latin1').split('\n');
  lines.pop();
  return lines;
}

function release(jdk: Jdk): string {
  const path = join(jdk.home, 'release');
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
