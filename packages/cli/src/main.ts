// SPDX-License-Identifier: Apache-2.0
// argv in, tables or JSON out. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 read with losses.
import { existsSync } from 'node:fs';

/** Leaves quietly when the reader of our output has gone (`rekindle jfr print x.jfr | head`). */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

async function main(argv: readonly string[]): Promise<number> {
  const [jfr, summary, file = '-'] = argv;
  const short = argv.length === 3 && jfr === 'jfr' && summary === 'summary';
  // a summary takes no longer than loading all that other commands need: here is nothing to parse
  if (short && !file.startsWith('-')) return await (await summaryMain()).runSummary(file);
  return await (await import('./program.ts')).runProgram(argv);
}

/** In one file where the build has put it there (build.mjs). */
async function summaryMain(): Promise<typeof import('./jfr/summary-main.ts')> {
  const bundle = new URL('./summary/summary-main.js', import.meta.url);
  return existsSync(bundle) ? await import(bundle.href) : await import('./jfr/summary-main.ts');
}

process.exitCode = await main(process.argv.slice(2));
