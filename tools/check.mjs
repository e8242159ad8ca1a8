#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// `npm run check`: types, lint and format, the house rules, unused code. A failure names its cure.
import { runAll } from './run.mjs';

const status = runAll([
  ['npx', 'tsc', '-b'],
  ['npx', 'tsc', '-p', 'tsconfig.test.json'],
  ['npx', 'tsc', '-p', 'tsconfig.test-web.json'],
  ['npx', 'biome', 'check', '--error-on-warnings', '.'],
  ['npx', 'tsx', 'tools/check-house.ts'],
  ['npx', 'knip', '--no-progress', '--no-config-hints'],
]);
if (status !== 0) console.error('check failed; `npm run fix` mends format and import order');
process.exit(status);
