// SPDX-License-Identifier: Apache-2.0
// `npm run stress -- workers`: 10,000 workers that live for a moment and commit ten events each. No
// crash, nothing missing without a word, and no memory that stays: beside a fifth as many workers unrecorded.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { judgeShortLived, runShortLived } from '../../packages/recorder/src/testing/short-lived.ts';

const workers = Number(process.argv[2] ?? 10_000);
const directory = mkdtempSync(join(tmpdir(), 'stress-workers-'));
const megabytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);

function show(name: string, residents: readonly number[]): void {
  console.log(`  ${name}: ${residents.map(megabytes).join(' ')} MB resident, at each tenth`);
}

try {
  const file = join(directory, 'out.jfr');
  const recorded = runShortLived(directory, file, workers);
  const { events, threads, lost } = await judgeShortLived(file, workers);
  console.log(
    `${workers} workers: ${events} of ${workers * 10} events of ${threads} threads,` +
      ` ${lost} bytes told as lost`,
  );
  show('recorded', recorded);
  const control = Math.ceil(workers / 5);
  show(`${control} unrecorded`, runShortLived(directory, file, control, 'unrecorded'));
} finally {
  rmSync(directory, { recursive: true, force: true });
}
