// SPDX-License-Identifier: Apache-2.0
// A measured process as plain JavaScript: the loader of TypeScript would count as its memory, 40 MB and more.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'vite';

export interface Bundle {
  readonly path: string;
  remove(): void;
}

/** `entry` with all it imports in one file, to be run by Node.js without any option. */
export async function bundle(entry: string): Promise<Bundle> {
  const folder = mkdtempSync(join(tmpdir(), 'rekindle-bench-'));
  const remove = (): void => rmSync(folder, { recursive: true });
  try {
    await build({
      configFile: false,
      logLevel: 'warn',
      ssr: { noExternal: true, resolve: { conditions: ['@rekindle/source'] } },
      build: {
        ssr: entry,
        target: 'node20',
        outDir: folder,
        emptyOutDir: true,
        rollupOptions: { output: { format: 'es', entryFileNames: 'bundle.mjs' } },
      },
    });
  } catch (error) {
    remove();
    throw error;
  }
  return { path: join(folder, 'bundle.mjs'), remove };
}
