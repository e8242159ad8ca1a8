// SPDX-License-Identifier: Apache-2.0
// What the tests of options record: `node options.mjs ticks MILLIS BYTES`, `contexts` or `crash`. It prints
// what a recording must have.
import { executionAsyncId } from 'node:async_hooks';
import { readFile } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { asyncContextField, eventHandle, now } from '../../../dist/index.js';

const TICK = {
  name: 'test.Tick',
  label: 'Tick',
  category: ['Test'],
  fields: [
    { name: 'millis', type: 'long', label: 'Since Start' },
    { name: 'payload', type: 'java.lang.String', label: 'Payload' },
    asyncContextField,
  ],
};
const ticks = eventHandle(TICK);
const [, , mode, millis, bytes] = process.argv;
const since = performance.now();
const tick = (payload) => ticks.commit(now(), Math.round(performance.now() - since), payload);

const MODES = {
  ticks() {
    // not pooled: as many bytes as it has characters
    const payload = 'x'.repeat(Number(bytes));
    const timer = setInterval(() => {
      tick(payload);
      if (performance.now() - since > Number(millis)) clearInterval(timer);
    }, 5);
  },
  contexts() {
    const seen = [];
    const here = fileURLToPath(import.meta.url);
    const ask = () => {
      const context = executionAsyncId();
      tick('committed');
      readFile(here, () => {
        seen.push(context);
        if (seen.length === 2) console.log(JSON.stringify(seen));
      });
    };
    setTimeout(ask, 400);
    setTimeout(ask, 450);
  },
  crash() {
    createRequire(import.meta.url)('node:util');
    setTimeout(() => {
      throw new TypeError('nobody caught this');
    }, 400);
  },
};
MODES[mode]();
