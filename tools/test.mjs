#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// `npm test`: set-up, the house rules, then every test. Arguments go to vitest.
import { runAll } from './run.mjs';

const args = process.argv.slice(2);
process.exit(
  runAll([
    ['node', 'tools/setup.mjs', '--for', 'test'],
    ...(args.length === 0 ? [['node', 'tools/check.mjs']] : []),
    ['npx', 'vitest', 'run', '--reporter=default', '--reporter=./tools/closing-line.mjs', ...args],
  ]),
);
