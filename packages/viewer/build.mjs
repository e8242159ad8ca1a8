// SPDX-License-Identifier: Apache-2.0
// Builds the page into dist/web. Runs after `tsc -b`.
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

await build({
  configFile: fileURLToPath(new URL('./vite.config.ts', import.meta.url)),
  logLevel: process.argv.includes('--quiet') ? 'warn' : 'info',
});
