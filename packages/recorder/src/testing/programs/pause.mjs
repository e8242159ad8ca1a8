// SPDX-License-Identifier: Apache-2.0
// node pause.mjs REPOSITORY: a recording, a pause until a line comes in, then another one whose chunks are
// shorter than a follower's patience. Prints the directory of the chunks, `paused`, the number of beats, and
// ends at another line.
import { setTimeout as sleep } from 'node:timers/promises';
import { configureRecorder, Recording, repositoryDirectory } from '@rekindle/recorder';
import { beat, number } from './beats.mjs';

configureRecorder({ repository: process.argv[2] });
const first = new Recording({ flushInterval: 100 }).start();
console.log(repositoryDirectory());
beat();
first.stop();
console.log('paused');
process.stdin.once('data', async () => {
  const second = new Recording({ flushInterval: 50 }).start();
  for (let chunk = 0; chunk < 5; chunk++) {
    beat();
    await sleep(20);
    second.set({});
  }
  beat();
  console.log(number);
  process.stdin.once('data', () => process.stdin.destroy());
});
