// SPDX-License-Identifier: Apache-2.0
// The pager as a process of its own: options as one JSON argument, messages on standard output.
import { processHost } from './host.ts';
import { failure, writeMessage } from './notice-channel.ts';
import type { PagerOptions } from './options.ts';
import { servePager } from './serve.ts';

try {
  const options = JSON.parse(process.argv[2] ?? '{}') as PagerOptions;
  const summary = await servePager(options, processHost(writeMessage));
  writeMessage({ event: 'done', summary });
} catch (error) {
  writeMessage(failure(error));
  process.exitCode = 1;
}
