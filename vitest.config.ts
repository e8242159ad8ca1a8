// SPDX-License-Identifier: Apache-2.0
import { defineConfig } from 'vitest/config';

const resolve = { conditions: ['@rekindle/source'] };
// Worker threads and child processes run from dist (`tsc -b` comes first in `npm test`).
export default defineConfig({
  resolve,
  ssr: { resolve },
  test: {
    projects: [
      {
        resolve,
        ssr: { resolve },
        test: { name: 'unit', include: ['packages/*/src/**/*.test.{ts,tsx}', 'tools/**/*.test.ts'], testTimeout: 30_000 },
      },
      {
        resolve,
        ssr: { resolve },
        test: { name: 'e2e', include: ['e2e/**/*.test.ts'], testTimeout: 300_000, hookTimeout: 600_000, fileParallelism: false },
      },
    ],
  },
});
