// SPDX-License-Identifier: Apache-2.0
// The event of the programs that are followed: a function that commits the next one.
import { eventHandle, now } from '@rekindle/recorder';

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
/** How many there were. */
export let number = 0;

export function beat() {
  beats.commit(now(), number++, 'a text in the pool of strings');
}
