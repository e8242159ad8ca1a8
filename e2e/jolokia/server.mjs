// SPDX-License-Identifier: Apache-2.0
// node server.mjs DIRECTORY: a process with remote control that commits an event every 20 ms, until its
// input ends. Prints the URL and the token; recordings' files go to DIRECTORY.
import { configureRecorder, startRemoteControl } from '@rekindle/recorder';
import { beat } from '../../packages/recorder/src/testing/programs/beats.mjs';

const [, , directory] = process.argv;
configureRecorder({ repository: directory });
const remote = await startRemoteControl({ socket: false, http: { files: directory, user: 'jmc' } });
const timer = setInterval(beat, 20);
console.log(`${remote.url} ${remote.token}`);
process.stdin.once('end', () => {
  clearInterval(timer);
  remote.close();
});
process.stdin.resume();
