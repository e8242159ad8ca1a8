// SPDX-License-Identifier: Apache-2.0
// Puts what `rekindle jfr summary` needs into one file, dist/summary, and beside it the code that V8 makes
// of it: finding, loading and compiling its 35 modules takes longer than counting three million events.
// Runs after `tsc -b`.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [use, recording] = process.argv.slice(2);
if (use === 'keep-code') await keepCode(recording);
else await buildSummary();

async function buildSummary() {
  const { build } = await import('vite');
  await build({
    configFile: false,
    logLevel: 'warn',
    root: fileURLToPath(new URL('.', import.meta.url)),
    ssr: { noExternal: [/^@rekindle\//], resolve: { conditions: ['@rekindle/source'] } },
    plugins: [{ name: 'ascii', renderChunk: (code) => ({ code: ascii(code), map: null }) }],
    build: {
      ssr: 'src/jfr/summary-main.ts',
      target: 'node20',
      outDir: 'dist/summary',
      emptyOutDir: true,
      rollupOptions: {
        output: {
          format: 'cjs',
          entryFileNames: '[name].cjs',
          chunkFileNames: '[name]-[hash].cjs',
        },
      },
    },
  });
  const folder = mkdtempSync(join(tmpdir(), 'rekindle-build-'));
  try {
    const sample = join(folder, 'sample.jfr');
    writeFileSync(sample, await sampleRecording());
    const { status } = spawnSync(
      process.execPath,
      [fileURLToPath(import.meta.url), 'keep-code', sample],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    if (status !== 0) throw new Error(`keeping the code of the summary: exit code ${status}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What is not ASCII is in texts and remarks, where an escape means the same. */
function ascii(code) {
  return code.replace(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Of two chunks, as most are of several. */
async function sampleRecording() {
  const { memorySink, writeRecording } = await import('@rekindle/jfr');
  const { PageFault } = await import('@rekindle/events');
  const sink = memorySink();
  writeRecording(sink, { declarations: [PageFault], events: [] });
  return Buffer.concat([sink.bytes(), sink.bytes()]);
}

/** After a run: with the code of the functions that it needed. */
async function keepCode(file) {
  const { CODE, loadSummary } = createRequire(import.meta.url)('./bin/rekindle.cjs');
  const { exports, script } = loadSummary();
  process.exitCode = await exports.runSummary(file);
  writeFileSync(CODE, script.createCachedData());
}
