// SPDX-License-Identifier: Apache-2.0
// node follow.mjs DIRECTORY: prints orders of another process as they are flushed, with their callers.
import { EventStream } from '@rekindle/recorder';

const stream = EventStream.openRepository(process.argv[2]);
let orders = 0;
stream
  .onEvent('shop.Order', (event) => {
    orders++;
    if (orders % 100 !== 1) return;
    const [frame] = event.stackTrace?.frames ?? [];
    const millis = Number(event.durationNanos) / 1e6;
    console.log(
      `order ${orders}: ${event.get('total')} in ${millis.toFixed(1)} ms, by ${frame?.method.name}`,
    );
  })
  .onEvent('jdk.CPULoad', (event) => {
    console.log(`CPU ${(100 * (event.get('jvmUser') + event.get('jvmSystem'))).toFixed(0)} %`);
  });
await stream.start();
