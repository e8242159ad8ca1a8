// SPDX-License-Identifier: Apache-2.0
// node server.mjs DIRECTORY: a process with remote control that commits an event every 20 ms, until its
// input ends. Prints the URL and the token; recordings' files go to DIRECTORY.
import {
  configureRecorder,
  eventHandle,
  now,
  startRemoteControl,
} from '@rekindle/recorder';

const [, , directory] = process.argv;
configureRecorder({ repository: directory });
const remote = await startRemoteControl({ socket: false, http: { files: directory, user: 'jmc' } });
const beats = eventHandle({
  name: 'test.Beat',
  label: 'Beat',
  category: ['Test'],
  thread: true,
  stackTrace: true,
  fields: [
    { name: 'number', type: 'int', label: 'Number' },
    { name: 'text', type: 'java.lang.String', label: 'Text' },
  ],
});
let number = 0;
function beat() {
  beats.commit(now(), number++, 'a text in the pool of strings');
}
const timer = setInterval(beat, 20);
console.log(`${remote.url} ${remote.token}`);
process.stdin.once('end', () => {
  clearInterval(timer);
  remote.close();
});
process.stdin.resume();
