// SPDX-License-Identifier: Apache-2.0
// The recording that the benches of the Flight Recorder format read: made once by java/JfrCorpus.java.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached } from '../packages/jfr/src/testing/corpus.ts';
import type { Jdk } from '../packages/jfr/src/testing/jdk.ts';

const CORPUS = fileURLToPath(new URL('java/JfrCorpus.java', import.meta.url));

/** Path of a recording of as many events, and what the JVM itself records of such a load. */
export function corpus(jdk: Jdk, events: number): string {
  const key = [readFileSync(CORPUS, 'utf8'), jdk.home, String(events)];
  return cached(key, '.bench.jfr', (path) => {
    console.error(`making a recording of ${events} events ...`);
    const settings = 'settings=profile,maxsize=8g,jdk.ExecutionSample#period=1ms';
    const start = `-XX:StartFlightRecording:filename=${path},${settings}`;
    const run = spawnSync(join(jdk.home, 'bin/java'), [
      '-Xmx2g',
      start,
      CORPUS,
      String(events),
      '10000',
    ]);
    if (run.status !== 0) throw new Error(String(run.stderr));
  });
}
