#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// `npm run fuzz -- NAME [--runs N] [--seed S]`: runs tools/fuzz/NAME.ts, which exports run({runs, seed}).
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const folder = join(dirname(fileURLToPath(import.meta.url)), 'fuzz');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '10000' }, seed: { type: 'string' } },
});
const [name] = positionals;
const file = join(folder, `${name}.ts`);
if (!name || !existsSync(file)) {
  const names = readdirSync(folder).filter((entry) => entry.endsWith('.ts'));
  console.error(`usage: npm run fuzz -- NAME [--runs N] [--seed S]`);
  console.error(`targets: ${names.map((entry) => entry.slice(0, -3)).join(', ')}`);
  process.exit(2);
}
const { register } = await import('tsx/esm/api');
register();
const { run } = await import(file);
const seed = values.seed ? Number(values.seed) : Date.now() % 2 ** 31;
console.log(`fuzz ${name}: ${values.runs} runs, seed ${seed}`);
process.exit((await run({ runs: Number(values.runs), seed })) ? 0 : 1);
