#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// `npm run bench -- NAME [options]`: builds, then runs bench/NAME.ts. Without a name: lists them.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runAll } from './run.mjs';

const bench = join(dirname(dirname(fileURLToPath(import.meta.url))), 'bench');
const [name, ...options] = process.argv.slice(2);
// A bench is a file that says so in its second line: `// Bench: what it measures`.
const benches = readdirSync(bench)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({
    name: file.slice(0, -3),
    about: /^\/\/ Bench: (.*)$/m.exec(readFileSync(join(bench, file), 'utf8'))?.[1],
  }))
  .filter((entry) => entry.about);

if (!benches.some((entry) => entry.name === name)) {
  if (name) console.error(`no bench "${name}"`);
  for (const entry of benches)
    console.error(`  npm run bench -- ${entry.name.padEnd(12)} ${entry.about}`);
  process.exit(2);
}
process.exit(
  runAll([
    ['node', 'tools/setup.mjs', '--for', 'demo'],
    ['node', '--conditions=@rekindle/source', '--import', 'tsx', `bench/${name}.ts`, ...options],
  ]),
);
