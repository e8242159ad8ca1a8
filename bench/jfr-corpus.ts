// SPDX-License-Identifier: Apache-2.0
// The recording that the benches of the Flight Recorder format read: made once by java/JfrCorpus.java.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached } from '../packages/jfr/src/testing/corpus.ts';
import type { Jdk } from '../packages/jfr/src/testing/jdk.ts';

const CORPUS = fileURLToPath(new URL('java/JfrCorpus.java', import.meta.url));

/**
 * Path of a recording of as many events, and what the JVM itself records of such a load. It is in the page
 * cache as reading it from disk leaves it there, whether it has just been made or not: the cache of a file
 * that a JVM has written in small pieces consists of single pages, and takes three times as long to copy.
 */
export function corpus(jdk: Jdk, events: number): string {
  const key = [readFileSync(CORPUS, 'utf8'), jdk.home, String(events)];
  const file = make(jdk, events, key);
  run('sync', [file]);
  run('dd', [`if=${file}`, 'iflag=nocache', 'count=0', 'status=none']);
  run('cat', [file]);
  return file;
}

function run(command: string, args: readonly string[]): void {
  const { status } = spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: exit code ${status}`);
}

function make(jdk: Jdk, events: number, key: readonly string[]): string {
  return cached(key, '.bench.jfr', (path) => {
    console.error(`making a recording of ${events} events ...`);
    const settings = 'settings=profile,maxsize=8g,jdk.ExecutionSample#period=1ms';
    const start = `-XX:StartFlightRecording:filename=${path},${settings}`;
    const java = spawnSync(join(jdk.home, 'bin/java'), [
      '-Xmx2g',
      start,
      CORPUS,
      String(events),
      '10000',
    ]);
    if (java.status !== 0) throw new Error(String(java.stderr));
  });
}
