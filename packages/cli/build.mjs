// SPDX-License-Identifier: Apache-2.0
// Puts what `rekindle jfr summary` needs into one file, dist/summary: finding and loading its 35 modules one
// by one takes longer than counting three million events. Runs after `tsc -b`.
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

await build({
  configFile: false,
  logLevel: 'warn',
  root: fileURLToPath(new URL('.', import.meta.url)),
  ssr: { noExternal: [/^@rekindle\//], resolve: { conditions: ['@rekindle/source'] } },
  build: {
    ssr: 'src/jfr/summary-main.ts',
    target: 'node20',
    outDir: 'dist/summary',
    emptyOutDir: true,
    rollupOptions: { output: { entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' } },
  },
});
