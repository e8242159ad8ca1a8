// SPDX-License-Identifier: Apache-2.0
// Puts the recorder's modules into few files, dist/*.js; their declarations are from `tsc -b`, after which this
// runs. A program that loads seventy small modules pays for them long after: its collections take longer
// (docs/performance.md), and it starts 70 ms later.
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = fileURLToPath(new URL('.', import.meta.url));
for (const file of readdirSync(join(root, 'dist'))) {
  if (/\.js(\.map)?$/.test(file)) rmSync(join(root, 'dist', file));
}
await build({
  configFile: false,
  logLevel: 'warn',
  root,
  ssr: { noExternal: [/^@rekindle\//], resolve: { conditions: ['@rekindle/source'] } },
  build: {
    ssr: true,
    target: 'node20',
    outDir: 'dist',
    // beside the declarations
    emptyOutDir: false,
    sourcemap: true,
    rollupOptions: {
      // the reader is for those who stream; what writes is part of every recording
      external: /^@rekindle\/jfr$/,
      input: {
        index: 'src/index.ts',
        register: 'src/register.ts',
        worker: 'src/worker.ts',
        'remote-control': 'src/remote-control.ts',
        'remote/control-thread': 'src/remote/control-thread.ts',
      },
      output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
    },
  },
});
