#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// `npm run stress [-- NAME] [--times N]`: the recorder's proofs at full size, each with its figures. NAME
// is one of tools/stress/NAME.ts; without one, all run. `npm test` runs the same ones at a smaller size.
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runAll } from './run.mjs';

const folder = join(dirname(fileURLToPath(import.meta.url)), 'stress');
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -3));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { times: { type: 'string' } },
});
const unknown = positionals.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  console.error(`no stress "${unknown[0]}"; there are ${names.join(', ')}`);
  process.exit(2);
}
const chosen = positionals.length > 0 ? positionals : names;
const times = values.times === undefined ? [] : [values.times];
const node = ['node', '--conditions=@rekindle/source', '--import', 'tsx'];
process.exit(
  runAll([
    ['npx', 'tsc', '-b'],
    ...chosen.map((name) => [...node, join('tools/stress', `${name}.ts`), ...times]),
  ]),
);
