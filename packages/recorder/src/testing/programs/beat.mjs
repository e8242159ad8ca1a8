// SPDX-License-Identifier: Apache-2.0
// node beat.mjs REPOSITORY EVENTS: an event every 20 ms, a chunk every 400 ms, until a line comes in,
// and one beat more. Prints the directory of the chunks, the number of beats, and ends at another line.
import { configureRecorder, Recording, repositoryDirectory } from '@rekindle/recorder';
import { beat, number } from './beats.mjs';

configureRecorder({ repository: process.argv[2] });
const recording = new Recording({ flushInterval: 100 }).start();
console.log(repositoryDirectory());
const timer = setInterval(() => {
  beat();
  if (number % 20 === 0) recording.set({});
}, 20);
process.stdin.once('data', () => {
  clearInterval(timer);
  // the chunk before this one lived for a moment only; whoever sees the last beat has the last chunk
  recording.set({});
  beat();
  console.log(number);
  // the process leaves no files behind: it ends when its followers have that chunk open
  process.stdin.once('data', () => process.stdin.destroy());
});
