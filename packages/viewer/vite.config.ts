// SPDX-License-Identifier: Apache-2.0
import { defineConfig, type UserConfig } from 'vite';

// No plug-in: Vite compiles the JSX itself. Relative addresses, so that the page works under any path.
const config: UserConfig = defineConfig({
  root: import.meta.dirname,
  base: './',
  resolve: { conditions: ['@rekindle/source'] },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: { outDir: 'dist/web', emptyOutDir: true, target: 'es2023', assetsInlineLimit: 0 },
});
export default config;
