#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// `npm run extra -- NAME`: checks that need more than the npm registry and the distribution's packages.
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runAll } from './run.mjs';

const tools = dirname(fileURLToPath(import.meta.url));
const [name, ...args] = process.argv.slice(2);
if (!name || !existsSync(join(tools, `extra-${name}.mjs`))) {
  const names = readdirSync(tools).map((file) => /^extra-(.*)\.mjs$/.exec(file)?.[1]);
  console.error(`usage: npm run extra -- NAME\nextras: ${names.filter(Boolean).join(', ')}`);
  process.exit(2);
}
process.exit(runAll([['node', `tools/extra-${name}.mjs`, ...args]]));
