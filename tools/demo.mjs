#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// `npm run demo`: set-up, then the whole journey. Arguments go to `rekindle demo`.
import { runAll } from './run.mjs';

process.exit(
  runAll([
    ['node', 'tools/setup.mjs', '--for', 'demo'],
    ['node', 'packages/cli/bin/rekindle.cjs', 'demo', ...process.argv.slice(2)],
  ]),
);
