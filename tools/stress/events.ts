// SPDX-License-Identifier: Apache-2.0
// `npm run stress -- events`: eight workers of a million events each, small buffers, a rotation every
// 50 ms and a flush every 20 ms. Every event exactly once and every constant resolved, by our reader and
// by the JDK's.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  judgeByJdk,
  judgeOurselves,
  makeStressed,
} from '../../packages/recorder/src/testing/every-event.ts';
import { JDKS } from '../../packages/recorder/src/testing/jdk.ts';

const SIZE = { workers: 8, events: 1_000_000, rotateMillis: 50, flushMillis: 20 };
const rounds = Number(process.argv[2] ?? 1);

const directory = mkdtempSync(join(tmpdir(), 'stress-events-'));
try {
  for (let round = 0; round < rounds; round++) {
    const file = join(directory, 'stress.jfr');
    const report = makeStressed(file, directory, SIZE);
    const megabytes = Math.round(statSync(file).size / 1e6);
    const rate = (SIZE.workers * SIZE.events) / report.commitMillis / 1000;
    console.log(
      `${SIZE.workers} workers × ${SIZE.events} events in ${(report.commitMillis / 1000).toFixed(1)} s` +
        ` (${rate.toFixed(1)} M/s), ${report.rotations} rotations, ${megabytes} MB,` +
        ` ${report.peakMegabytes} MB of memory at most`,
    );
    const chunks = await judgeOurselves(file, SIZE);
    console.log(`  our reader: every event once, constants resolved, ${chunks} chunks`);
    for (const jdk of JDKS) {
      judgeByJdk(jdk, [file], SIZE);
      console.log(`  JDK ${jdk.version}: every event once, constants resolved`);
    }
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
